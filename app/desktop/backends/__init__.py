"""What the icon needs on each system, beyond what pystray 0.19 does: one file for each of its backends with quirks."""
