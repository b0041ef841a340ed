"""Running models on this machine: engine protocol, worker processes, pool, model files, devices."""
