"""Where the models of a cluster are, and loading them on a machine that somebody chooses."""
