"""Hooks do not wait for the threads that wait for hooks."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from redis_ha.docker.aside import aside


def test_a_hook_runs_while_every_registration_waits_for_one() -> None:
    async def registrations() -> bool:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        hook_has_run = threading.Event()
        registration = loop.run_in_executor(None, hook_has_run.wait, 5)
        await aside(hook_has_run.set)
        return await registration

    assert asyncio.run(registrations())
