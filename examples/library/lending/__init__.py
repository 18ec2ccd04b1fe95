"""Books, members, loans and fines of a small library."""
