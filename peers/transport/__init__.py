"""How machines of the cluster talk: HTTP over TLS 1.3, both sides proven by certificates that the other one has pinned."""
