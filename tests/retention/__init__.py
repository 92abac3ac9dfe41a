"""Retention: which threads expire and when, what a sweep does with them, and which checkpoints policies keep."""
