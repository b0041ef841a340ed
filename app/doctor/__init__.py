"""`corral doctor`: what is wrong on this machine, and what to do. Each module gathers facts and judges them purely."""
