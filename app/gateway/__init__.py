"""The gateway: authenticate, choose, forward, record. It does not know Quart."""
