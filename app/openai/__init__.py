"""OpenAI's wire format: request models, answers and streams, and their translation to engine requests."""
