"""Measured claims about luna-tui."""
