"""The dashboard: views choose the words, widgets draw them, screens bind the keys."""
