"""From a trace of what was computed and sent, over a fleet and a network, to seconds, joules and bytes."""
