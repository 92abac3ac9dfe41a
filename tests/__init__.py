"""The tests of langgraph_filesaver: each test's docstring is the claim that it proves."""
