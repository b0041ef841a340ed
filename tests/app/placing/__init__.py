"""Where models are, and loading them from afar."""
