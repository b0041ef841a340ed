"""Ollama's API over chat completions, completions and embeddings."""
