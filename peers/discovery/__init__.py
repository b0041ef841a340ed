"""Finding the other machines on the LAN: an address book filled by multicast DNS. Never an authority on who is who."""
