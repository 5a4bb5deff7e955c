"""The tiers of the emulated network, one a module."""
