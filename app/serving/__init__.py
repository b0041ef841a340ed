"""Serving across machines: a peer's models as a pool, the way of a request there and back, what nodes say of their load."""
