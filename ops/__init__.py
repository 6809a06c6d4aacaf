"""What an operator runs on a stack that is up. Nothing here deploys, and nothing that deploys imports it."""
