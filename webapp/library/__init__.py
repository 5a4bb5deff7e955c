"""Saved fleets, networks and tasks of a team: the parts from which experiments are put together."""
