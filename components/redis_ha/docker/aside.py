"""Blocking calls of hooks, on threads of their own.

The default threads of the event loop are those on which the SDK registers resources, each for as long as its hooks
take: with as many under way as there are threads, a hook that needed one too would wait for ever.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = ThreadPoolExecutor(16, "hook")


async def aside(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As asyncio.to_thread, but not on those threads."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, partial(function, *args, **kwargs))
