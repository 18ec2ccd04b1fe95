"""A subtask with tools: one conversation that goes on until the model is done."""
