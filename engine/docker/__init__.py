"""The Docker half: what Docker holds of a stack, and how each resource type is done on it. Knows nothing of runs."""
