"""Model files made for tests."""
