"""A LangGraph checkpointer that keeps each thread as a folder of readable JSON files."""
