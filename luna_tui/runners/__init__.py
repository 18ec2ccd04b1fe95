"""Ask a model or a process to do one attempt of a subtask."""
