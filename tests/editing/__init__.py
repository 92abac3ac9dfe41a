"""Correcting a state: as text, from Python, and in an editor."""
