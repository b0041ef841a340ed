"""The ways in which other programs' clients speak, Anthropic's and Ollama's, translated to and from OpenAI's."""
