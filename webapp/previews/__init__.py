"""Looking at parts of an experiment before it runs: samples, partitions, models, networks, fleets."""
