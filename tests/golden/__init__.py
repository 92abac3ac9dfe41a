"""Stores of format 1 as the first release wrote them (`tests/data/format-1`), which every release must read."""
