"""A run without a screen: words on stderr, data on stdout."""
