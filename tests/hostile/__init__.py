"""Stores that somebody else could write in: whatever is on the disk, reading it gives an answer or one of our errors."""
