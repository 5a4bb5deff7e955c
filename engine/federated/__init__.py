"""Federated learning: strategies, samplers and the task that runs synchronous rounds."""
