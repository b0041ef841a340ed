"""Models of OpenAI, Google and Anthropic, reached over the internet in each provider's own dialect."""
