"""Running experiments: the loop, checkpoints, sinks, summaries and run folders."""
