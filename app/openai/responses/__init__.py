"""The Responses API by translation to chat completions, so that it works over any endpoint."""
