"""What wakes a node: events of the Sentinels, the closed door of the master, messages of other agents."""
