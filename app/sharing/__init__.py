"""Whether machines work for each other: pausing that on this one, and from afar on any."""
