"""One module for each task that registers it: tasks lie below the specs, and other members are found by walking."""
