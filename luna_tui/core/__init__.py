"""Facts and arithmetic: no threads, no clock, no files, no screen."""
