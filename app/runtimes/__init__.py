"""Runtimes that are no Corral nodes: servers that register by HTTP, say how they are, and answer for models."""
