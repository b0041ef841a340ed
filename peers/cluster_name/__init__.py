"""The cluster's name on the LAN, such as `corral.local`: who says it, with which addresses, and who else claims it."""
