"""The notebooks: they run, offline, and what is committed is what they give."""
