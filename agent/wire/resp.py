"""Redis' protocol, version 2: commands to bytes, bytes to answers."""

from collections.abc import Iterator

from agent.wire.answers import Command, Refusal, Value


def encode(commands: tuple[Command, ...]) -> bytes:
    """The bytes of `commands`, to be sent at once."""
    parts: list[bytes] = []
    for command in commands:
        parts.append(b"*%d\r\n" % len(command))
        for word in command:
            data = word.encode("utf-8", "surrogateescape")
            parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


class _Incomplete(Exception):  # noqa: N818 - it is no error: more bytes will come
    pass


class Reader:
    """Bytes as they come in, answers as they are complete."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[Value | Refusal]:
        """Every answer that `data` completes. Raises ValueError for what is not Redis' protocol."""
        self._buffer += data
        while self._buffer:
            try:
                value, end = _parse(self._buffer, 0)
            except _Incomplete:
                return
            self._buffer = self._buffer[end:]
            yield value


def _parse(data: bytes, at: int) -> tuple[Value | Refusal, int]:
    """The answer that begins at `at`, and where it ends."""
    end = data.find(b"\r\n", at)
    if end < 0:
        raise _Incomplete
    kind, line, after = data[at : at + 1], data[at + 1 : end], end + 2
    match kind:
        case b"+":
            return _text(line), after
        case b"-":
            return Refusal(_text(line)), after
        case b":":
            return int(line), after
        case b"$":
            length = int(line)
            if length < 0:
                return None, after
            if len(data) < after + length + 2:
                raise _Incomplete
            return _text(data[after : after + length]), after + length + 2
        case b"*":
            return _array(data, after, int(line))
    raise ValueError(f"not Redis' protocol: {data[at : at + 20]!r}")


def _array(data: bytes, at: int, count: int) -> tuple[Value | Refusal, int]:
    if count < 0:
        return None, at
    values: list[Value] = []
    for _ in range(count):
        value, at = _parse(data, at)
        # An error inside of an EXEC's answer: the transaction as a whole has been carried out.
        values.append(f"-{value.text}" if isinstance(value, Refusal) else value)
    return values, at


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
