"""Benchmarks: this engine beside llama-server, and what the HTTP path costs."""
