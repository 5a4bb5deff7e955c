"""Models declared as data: typed layers in a small graph, with their shapes, costs and torch modules."""
