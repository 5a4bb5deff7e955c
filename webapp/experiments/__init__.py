"""Experiments and their runs: immutable texts, a state machine per run, an append-only log, and its live delivery."""
