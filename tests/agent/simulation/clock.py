"""Virtual time, and what runs in it: a heap of calls, and coroutines that wait for futures of this module only."""

import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any


class Future:
    """What one task waits for."""

    __slots__ = ("_task", "_value", "done")

    def __init__(self) -> None:
        self.done = False
        self._value: Any = None
        self._task: Task | None = None

    def set(self, value: Any = None) -> None:
        """It is here; a second time changes nothing."""
        if self.done:
            return
        self.done = True
        self._value = value
        if self._task is not None:
            self._task.resume()

    def __await__(self) -> "Generator[Future, None, Any]":
        if not self.done:
            yield self
        return self._value

    def wait(self, task: "Task") -> None:
        """Let `task` go on when it is here."""
        if self.done:
            task.resume()
        else:
            self._task = task


class Group:
    """The tasks of one process: frozen and killed together."""

    def __init__(self, clock: "Clock") -> None:
        self.clock = clock
        self.alive = True
        self.frozen = False
        self._held: list[Callable[[], None]] = []

    def hold(self, call: Callable[[], None]) -> None:
        """Make `call` when it goes on."""
        self._held.append(call)

    def thaw(self) -> None:
        """Go on: what has come meanwhile is seen in the order in which it came."""
        self.frozen = False
        held, self._held = self._held, []
        for call in held:
            call()

    def kill(self) -> None:
        """Nothing of it runs again."""
        self.alive = False
        self._held.clear()

    def spawn(self, coroutine: Coroutine[Any, Any, Any], then: Callable[[Any], None] | None = None) -> "Task":
        """Run `coroutine`, and call `then` with its result."""
        task = Task(self, coroutine, then)
        task.resume()
        return task


class Task:
    """A coroutine that runs by itself."""

    __slots__ = ("_cancelled", "_coroutine", "_ended", "_group", "_running", "_then")

    def __init__(
        self, group: Group, coroutine: Coroutine[Any, Any, Any], then: Callable[[Any], None] | None = None
    ) -> None:
        self._group = group
        self._coroutine = coroutine
        self._then = then
        self._ended = False
        self._cancelled = False
        self._running = False

    def cancel(self) -> None:
        """End it at its next wait."""
        self._ended = True
        if self._running:
            self._cancelled = True
        else:
            self._coroutine.close()

    def resume(self) -> None:
        """Go on, as soon as the process does."""
        group = self._group
        if group.frozen:
            group.hold(self.resume)
        else:
            group.clock.ready.append(self)

    def step(self) -> None:
        """Run to the next wait."""
        group = self._group
        if self._ended or not group.alive:
            return
        if group.frozen:
            group.hold(self.resume)
            return
        self._running = True
        try:
            future: Future = self._coroutine.send(None)
        except StopIteration as stop:
            self._ended = True
            if self._then is not None:
                self._then(stop.value)
            return
        finally:
            self._running = False
        if self._cancelled:
            self._coroutine.close()
        else:
            future.wait(self)


class Clock:
    """The heap of what is to come. Times are in seconds since the schedule began."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ready: deque[Task] = deque()
        self.calls = 0
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []

    def after(self, seconds: float, call: Callable[..., None], *arguments: Any) -> None:
        """Make this call in so many seconds; calls of one moment in the order in which they were asked for."""
        self.calls += 1
        heapq.heappush(self._heap, (self.now + seconds, self.calls, call, arguments))

    def run(self, until: float) -> None:
        """Let time pass."""
        heap, ready = self._heap, self.ready
        while True:
            while ready:
                ready.popleft().step()
            if not heap or heap[0][0] > until:
                self.now = until
                return
            self.now, _, call, arguments = heapq.heappop(heap)
            call(*arguments)
