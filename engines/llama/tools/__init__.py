"""How families of models write tool calls: one module per family."""
