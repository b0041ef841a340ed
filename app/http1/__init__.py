"""The HTTP server of a node: requests to models in their usual form are read here, all others by Hypercorn."""
