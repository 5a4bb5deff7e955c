"""Which devices there are: the catalogue, groups with counts, and a fleet as columns over its groups."""
