"""What `./pulumiw` does before the engine runs: it prepares what is missing, and chooses the engine."""
