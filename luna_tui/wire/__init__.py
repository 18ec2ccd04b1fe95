"""Speak to another process of ours over a local socket: watch a run from elsewhere, and ask things of it."""
