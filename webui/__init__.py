"""The dashboard's sources and the Python that serves the built files. Comes with the desktop."""
