"""The resource types of a Docker Swarm: services, and the secrets and configs that their tasks get."""
