"""The history of requests: what is kept of each, made readable and written off the hot path."""
