"""The labels by which everything of a stack can be found from outside the program."""

STACK = "redis-ha.stack"
KIND = "redis-ha.kind"
NODE = "redis-ha.node"
TRANSPORT = "redis-ha.transport"  # of containers: `tls`, or `plain`
FILES = "redis-ha.files"  # of volumes with files: what they are made of


def labels(stack: str, kind: str, node: str | None = None) -> dict[str, str]:
    """Those that every container, volume and network of `stack` has."""
    found = {STACK: stack, KIND: kind}
    if node is not None:
        found[NODE] = node
    return found
