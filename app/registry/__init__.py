"""Models that come from a hub: registered by name, downloaded where they are wanted, served to whoever asks for their files."""
