"""The command line `langgraph-filesaver`: looks at threads, corrects them and keeps house. Needs the extra `cli`.

Thin over the API: a command parses, calls a saver and prints. `app` puts the commands together; `call` is what they share
(where the threads are, how to answer); `exits` says which error ends with which code.
"""

from langgraph_filesaver.cli.app import app

__all__ = ["app"]
