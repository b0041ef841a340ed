"""People: passwords, sessions, and who may try how often."""
