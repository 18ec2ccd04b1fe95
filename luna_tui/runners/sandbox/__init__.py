"""What holds a command that a model wrote: what it reaches, and who sees to it."""
