"""How a machine is admitted to a cluster: one approval, a typed code, or an invite token. No I/O: the shell carries the messages."""
