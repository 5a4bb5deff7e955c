"""What every other package of the engine stands on: components, registries, errors, streams, events."""
