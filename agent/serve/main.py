"""`redis-ha ROLE`: process 1 of a container."""

import asyncio
import os
import sys

from agent.serve.environment import SENTINEL, StartError, read
from agent.serve.node import run_node
from agent.serve.sentinel import run_sentinel


def main() -> int:
    """Run the role that is the only argument: master (default), replica (or slave), sentinel. The exit code."""
    os.umask(0o077)
    try:
        environment = read(sys.argv[1:])
        run = run_sentinel if environment.role == SENTINEL else run_node
        return asyncio.run(run(environment))
    except StartError as error:
        sys.stderr.write(f"redis-ha: {error}\n")
        return error.code
