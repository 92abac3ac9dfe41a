"""The demo: an agent is killed while it works, and another process goes on where it was.

`python -m langgraph_filesaver demo` is the whole of the library in one run, on real files and in real processes:

- `documents` finds the text files to read; `facts` says what is taken from one; `agent` is the LangGraph graph.
- `worker` is the process that runs the agent; `processes` is its parent's hold on it.
- `story` starts, kills, resumes and approves, and checks each claim it makes; `recount` recomputes the report's facts
  by other means; `picture` draws the folder; `command` is the command line.

Nothing above `FileSaver` is special here: the agent would run on any checkpointer.
"""
