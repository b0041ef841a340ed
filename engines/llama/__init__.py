"""The llama.cpp engine: continuous batching on the low-level bindings of llama-cpp-python."""
