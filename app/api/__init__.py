"""HTTP routes on Quart: inference (v1), management (v0), health."""
