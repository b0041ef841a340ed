"""Copying models between machines: what a model's content is called, who serves it, how it is fetched, who asks for it."""
