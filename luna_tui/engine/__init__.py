"""Everything that waits, locks, starts a thread or reads a clock."""
