"""What is said: the state file, the log, notifications."""
