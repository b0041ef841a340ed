"""Who this machine is among the others: its key, its certificate, and what it signs and seals."""
