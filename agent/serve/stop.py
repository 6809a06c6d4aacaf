"""SIGTERM and SIGINT: the container is to stop. A second and a third one change nothing."""

import asyncio
import signal


class Stop:
    """`asked` is done as soon as one of them has come."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.asked: asyncio.Future[None] = loop.create_future()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ask)

    def _ask(self) -> None:
        if not self.asked.done():
            self.asked.set_result(None)
