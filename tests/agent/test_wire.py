"""Redis' protocol as bytes: whatever pieces it comes in, the answers are the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.answers import Address, Refusal, Value
from agent.wire.resp import Reader, encode

LINES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20)
VALUES = st.recursive(
    st.none() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=10,
)
ANSWERS = VALUES | LINES.map(Refusal)


def wire(answer: Value | Refusal) -> bytes:
    """What Redis sends for `answer`."""
    match answer:
        case Refusal(text):
            return b"-%b\r\n" % text.encode()
        case None:
            return b"$-1\r\n"
        case int():
            return b":%d\r\n" % answer
        case str():
            data = answer.encode()
            return b"$%d\r\n%b\r\n" % (len(data), data)
    return b"*%d\r\n" % len(answer) + b"".join(wire(each) for each in answer)


@given(st.lists(ANSWERS, max_size=5), st.data())
def test_answers_are_read_from_any_pieces(answers: list[Value | Refusal], data: st.DataObject) -> None:
    stream = b"".join(map(wire, answers))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    reader, found = Reader(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += list(reader.feed(stream[start:end]))
    assert found == answers


@given(st.lists(st.lists(st.text(max_size=20), min_size=1, max_size=5).map(tuple), max_size=4))
def test_commands_are_arrays_of_strings(commands: list[tuple[str, ...]]) -> None:
    assert list(Reader().feed(encode(tuple(commands)))) == [list(command) for command in commands]


@given(st.binary(max_size=40))
def test_bytes_that_are_no_text_come_back_as_they_were(data: bytes) -> None:
    (text,) = Reader().feed(b"$%d\r\n%b\r\n" % (len(data), data))
    assert isinstance(text, str)
    assert encode(((text,),)) == b"*1\r\n$%d\r\n%b\r\n" % (len(data), data)


def test_a_simple_line_and_an_error_inside_of_an_array() -> None:
    assert list(Reader().feed(b"+OK\r\n*2\r\n+OK\r\n-ERR no\r\n*-1\r\n")) == ["OK", ["OK", "-ERR no"], None]


@pytest.mark.parametrize("data", [b"HTTP/1.1 400 Bad Request\r\n", b":one\r\n", b"$x\r\n", b"\x15\x03\x01\r\n"])
def test_what_is_not_the_protocol_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        list(Reader().feed(data))


@given(st.text(st.characters(codec="ascii", exclude_characters=" "), min_size=1), st.integers(0, 65535))
def test_an_address_is_read_as_it_is_written(host: str, port: int) -> None:
    assert Address.parse(str(Address(host, port))) == Address(host, port)


@pytest.mark.parametrize("text", ["", "host", ":16379", "host:", "host:port"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Address.parse(text)
