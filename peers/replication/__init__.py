"""What every member of the cluster knows: cells that merge the same way everywhere, and how members exchange them."""
