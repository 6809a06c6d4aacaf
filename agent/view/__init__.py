"""What is known: the answers of nodes and Sentinels, read into values."""
