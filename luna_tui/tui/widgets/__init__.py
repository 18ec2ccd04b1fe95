"""Widgets that paint view lines and repaint only what changed."""
