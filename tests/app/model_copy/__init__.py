"""Copying models between machines."""
