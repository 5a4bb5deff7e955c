"""The pieces of work of a data-free deployment, one kind per module; torch is imported when they run."""
