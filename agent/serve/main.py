"""`redis-ha ROLE`: process 1 of a container."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from agent.serve.environment import NO_ACCESS, SENTINEL, StartError, read
from agent.serve.node import run_node
from agent.serve.sentinel import run_sentinel


async def _to_the_end(running: Coroutine[Any, Any, int]) -> int:
    """Its exit code. A signal that comes later than that would find nobody to handle it, and end the process."""
    code = await running
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    return code


def main() -> int:
    """Run the role that is the only argument: master (default), replica (or slave), sentinel. The exit code."""
    os.umask(0o077)
    try:
        environment = read(sys.argv[1:])
        run = run_sentinel if environment.role == SENTINEL else run_node
        return asyncio.run(_to_the_end(run(environment)))
    except StartError as error:
        sys.stderr.write(f"redis-ha: {error}\n")
        return error.code
    except OSError as error:  # a full disk, most of all
        sys.stderr.write(f"redis-ha: {error}\n")
        return NO_ACCESS
