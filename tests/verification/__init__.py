"""Verification and repair, and reading where nothing can be or may be written."""
