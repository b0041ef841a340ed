"""Several machines: real processes on hosts of a LAN made of network namespaces."""
