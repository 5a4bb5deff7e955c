"""One module for each task; it imports the task so that the registry finds it."""
