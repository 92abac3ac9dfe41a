"""What the files tell of threads, for reading only."""
