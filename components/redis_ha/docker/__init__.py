"""Everything that asks a Docker daemon something; connections in one place."""
