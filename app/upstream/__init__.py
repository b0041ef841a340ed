"""Forwarding to servers elsewhere that speak OpenAI's HTTP: any kind, found by any means."""
