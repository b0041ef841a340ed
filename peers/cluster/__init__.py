"""This machine in its cluster: links to the other members, who is router, and how a machine comes in and goes."""
