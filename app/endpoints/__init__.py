"""Servers elsewhere that answer for models: their records, their health, what they serve, and names for several models."""
