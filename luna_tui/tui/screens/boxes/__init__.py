"""One module per box: it opens over a screen, and nothing has changed until something is taken."""
