"""The modules of the library one by one, where a rule is told best beside the code that keeps it."""
