"""Real graphs, run by LangGraph itself over FileSaver, and compared with the same graphs over InMemorySaver."""
