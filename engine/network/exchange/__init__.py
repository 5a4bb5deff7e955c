"""Networks as files that other programs read and write: GraphML, CSV edge lists and JSON."""
