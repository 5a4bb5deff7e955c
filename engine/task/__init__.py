"""The task contract: the pure step function that estimates, shards, emulation, cancel and resume share."""
