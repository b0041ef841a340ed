"""What the commands do; `corral.app.cli` declares them. Imported only when a command runs."""
