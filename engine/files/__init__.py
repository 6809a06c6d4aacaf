"""What a stack is on disk: project, config, secrets."""
