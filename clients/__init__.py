"""Recipes for clients that a failover does not hold up: one folder a language. docs/clients.md says what each does."""
