"""Amazon's binary event streams: cut into messages however the bytes arrive, and refused where they are damaged."""

from __future__ import annotations

import random
import struct
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from gateway.errors import UpstreamMalformed
from gateway.formats.event_stream import MESSAGE_BYTES, Message, MessageSplitter
from tests.bedrock_server import framed, stream_of, string_header
from tests.cuts import cuts


def split(chunks: list[bytes]) -> list[Message]:
    splitter = MessageSplitter()
    found = [message for chunk in chunks for message in splitter.feed(chunk)]
    splitter.close()
    return found


def test_every_cut_gives_the_same_messages() -> None:
    data = stream_of()
    whole = split([data])
    assert len(whole) == 7
    assert all(message.headers[":event-type"] == "chunk" for message in whole)
    assert all(split(chunks) == whole for chunks in cuts(data))


def test_a_message_as_the_vendors_own_tests_have_it() -> None:
    # `payload_no_headers` of the test vectors that AWS publishes with its SDKs.
    data = bytes.fromhex("0000001d00000000fd528c5a7b27666f6f273a27626172277dc3653936")
    assert split([data]) == [Message({}, b"{'foo':'bar'}")]


def test_a_header_of_a_number_as_the_vendors_own_tests_have_it() -> None:
    # `int32_header` of the same.
    data = bytes.fromhex("0000002d0000001041c424b80a6576656e742d74797065040000a00c7b27666f6f273a27626172277d36f480a0")
    assert split([data]) == [Message({}, b"{'foo':'bar'}")]


def test_headers_of_every_type_are_read_over() -> None:
    values = {
        0: b"",
        1: b"",
        2: b"\x01",
        3: b"\x00\x01",
        4: bytes(4),
        5: bytes(8),
        6: b"\x00\x03abc",
        8: bytes(8),
        9: bytes(16),
    }
    odd = b"".join(b"\x02h%d" % kind + bytes((kind,)) + value for kind, value in values.items())
    data = framed(odd + string_header("ä", "ö") + odd, b"x")
    assert split([data]) == [Message({"ä": "ö"}, b"x")]


def test_a_message_may_be_empty() -> None:
    assert split([framed(b"", b"")]) == [Message({}, b"")]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "its length": lambda data: b"\x00\x00\x01\x00" + data[4:],
    "its checksum of the length": lambda data: data[:8] + bytes(4) + data[12:],
    "its payload": lambda data: data[:-6] + b"!" + data[-5:],
    "its checksum": lambda data: data[:-4] + bytes(4),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_found(what: str) -> None:
    good = framed(string_header("a", "b"), b"payload")
    for chunks in cuts(good + DAMAGE[what](good)):
        seen: list[Message] = []
        with pytest.raises(UpstreamMalformed, match="checksum"):
            note(chunks, seen)
        assert seen == [Message({"a": "b"}, b"payload")]


def note(chunks: list[bytes], seen: list[Message]) -> None:
    """Every message goes into `seen` as it comes."""
    splitter = MessageSplitter()
    for chunk in chunks:
        for message in splitter.feed(chunk):
            seen.append(message)  # noqa: PERF402 # a comprehension would lose what came before the damage


@pytest.mark.parametrize(
    ("length", "headers"), [(15, 0), (0, 0), (20, 5), (MESSAGE_BYTES + 1, 0), (2**32 - 1, 0), (100, 2**32 - 1)]
)
def test_lengths_that_cannot_be_are_refused_before_anything_is_collected(length: int, headers: int) -> None:
    prelude = struct.pack(">II", length, headers)
    with pytest.raises(UpstreamMalformed, match="headers"):
        split([prelude + struct.pack(">I", zlib.crc32(prelude))])


@pytest.mark.parametrize(
    "block",
    [
        b"\x01",
        b"\x01a",
        b"\x01a\x0a",
        b"\x01a\xff",
        b"\x01a\x07\x00",
        b"\x01a\x07\x00\x05b",
        b"\x01a\x09xyz",
        b"\x01\xff\x07\x00\x01b",
        b"\x01a\x07\x00\x01\xff",
        b"\x09ab",
    ],
)
def test_headers_that_cannot_be_read_are_refused(block: bytes) -> None:
    with pytest.raises(UpstreamMalformed, match="headers that cannot be read"):
        split([framed(block, b"")])


@pytest.mark.parametrize("kept", [1, 11, 12, 40])
def test_a_stream_that_ends_within_a_message_is_cut_off(kept: int) -> None:
    with pytest.raises(UpstreamMalformed, match="within a message"):
        split([stream_of()[:kept]])


def test_whatever_comes_is_messages_or_refused() -> None:
    chance = random.Random(5)
    good = stream_of()
    for _ in range(300):
        data = bytearray(good)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        with pytest.raises(UpstreamMalformed):
            split([bytes(data)])
    for _ in range(300):
        with pytest.raises(UpstreamMalformed):
            split([chance.randbytes(chance.randint(1, 200))])


def test_memory_is_bounded_by_the_message_that_is_coming_in() -> None:
    splitter = MessageSplitter()
    message = framed(string_header("a", "b"), bytes(1000))
    tracemalloc.start()
    for _ in range(5000):
        for _found in splitter.feed(message):
            pass
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 200_000
