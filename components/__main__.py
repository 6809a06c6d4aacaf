"""Serves the component to programs in other languages; Pulumi runs this folder as a plugin."""

import sys
from typing import Any

from pulumi.provider import main
from pulumi.provider.experimental.component import ComponentProvider

from redis_ha import RedisHa


class Host(ComponentProvider):
    """Pulumi's own, but that an output of a type of its own may be none: `endpoint`, where there is no endpoint."""

    def map_complex_output(self, instance_val: Any, type_def: Any) -> Any:
        """Its own fails at None. An Output comes by here again, with its value."""
        return None if instance_val is None else super().map_complex_output(instance_val, type_def)


if __name__ == "__main__":
    main(Host([RedisHa], "redis-ha", version="0.1.0"), sys.argv[1:])
