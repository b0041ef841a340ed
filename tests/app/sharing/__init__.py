"""Whether machines work for each other, chosen from afar."""
