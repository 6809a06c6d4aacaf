"""Serves the component to programs in other languages; Pulumi runs this folder as a plugin."""

from pulumi.provider.experimental import component_provider_host

from redis_ha import RedisHa

if __name__ == "__main__":
    component_provider_host(name="redis-ha", components=[RedisHa], version="0.1.0")
