"""What LangGraph, and the layers above a store, may rely on: the same for every kind of store."""
