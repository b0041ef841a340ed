"""This node's cluster as the program uses it: joining and leaving, what people see, what goes to whom."""
