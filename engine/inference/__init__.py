"""Distributed inference: a network is split into pieces, the pieces are placed on devices, and the plan is priced."""
