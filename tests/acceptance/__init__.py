"""What a user does, against a real node: `corral serve` in its own process."""
