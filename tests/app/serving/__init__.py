"""Serving across machines."""
