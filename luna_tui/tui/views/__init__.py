"""Pure functions from the state of a run to lines of text with roles; no Textual here."""
