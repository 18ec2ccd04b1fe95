"""Workspaces of a subtask's own: made, compared with what they were, and taken over or thrown away."""
