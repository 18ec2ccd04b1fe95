"""Everything that opens a file: plans, config, themes, journals, results."""
