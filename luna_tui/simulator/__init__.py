"""Pretends to be the Messages API, on loopback, from a seed."""
