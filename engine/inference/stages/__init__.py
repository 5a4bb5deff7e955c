"""The stages of a distributed inference: jobs that follow each other."""
