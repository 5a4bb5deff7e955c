"""How students learn, and the optimizer that everything shares."""
