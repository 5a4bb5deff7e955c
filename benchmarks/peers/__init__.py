"""Other simulators of federated learning, in an environment of their own, on the same work as the engine."""
