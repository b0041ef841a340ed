"""The other machines: identity, pairing, discovery, election, replication. Comes with the cluster."""
