"""Serves the built dashboard and playground."""
