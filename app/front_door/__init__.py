"""One URL: whichever member a client asks, the router answers; the member that was asked passes the request on."""
