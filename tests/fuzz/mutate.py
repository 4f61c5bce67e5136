"""Break captured answers in the ways that networks, disks and enemies do."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from random import Random

Mutation = Callable[[Random, bytes, bytes], bytes]

_NUMBER = re.compile(rb"\d+")
_EVIL = (
    b"-1",
    b"0",
    b"9" * 19,
    b"18446744073709551616",
    b"9" * 5000,
    b"1e999",
    b"0x" + b"f" * 17,
    b"\xff" * 9,
)
_WORDS = (
    b"\x00",
    b"\n",
    b"\r\n",
    b"\t",
    b"#",
    b"[",
    b"]",
    b"{",
    b'"',
    b"\x1b[2J",
    b"\xed\xa0\x80",
    b"=",
    b":",
)


def cut(random: Random, data: bytes, _other: bytes) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def flip_bits(random: Random, data: bytes, _other: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(random.choice((1, 2, 8, 64))):
        if out:
            out[random.randrange(len(out))] ^= 1 << random.randrange(8)
    return bytes(out)


def drop_range(random: Random, data: bytes, _other: bytes) -> bytes:
    start = random.randrange(len(data) + 1)
    return data[:start] + data[start + random.choice((1, 10, 1000)) :]


def repeat_range(random: Random, data: bytes, _other: bytes) -> bytes:
    start = random.randrange(len(data) + 1)
    part = data[start : start + random.choice((1, 100, 2000))]
    return data[:start] + part * random.choice((2, 10, 300)) + data[start:]


def splice(random: Random, data: bytes, other: bytes) -> bytes:
    return data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other) + 1) :]


def insert_word(random: Random, data: bytes, _other: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice(_WORDS + _EVIL) * random.choice((1, 1, 2000)) + data[at:]


def evil_number(random: Random, data: bytes, _other: bytes) -> bytes:
    found = list(_NUMBER.finditer(data[: 1 << 16]))
    if not found:
        return data
    number = random.choice(found)
    return data[: number.start()] + random.choice(_EVIL) + data[number.end() :]


def evil_byte(random: Random, data: bytes, _other: bytes) -> bytes:
    """Overwrite one byte by one that ends or extends a varint: lengths that lie."""
    out = bytearray(data)
    if out:
        out[random.randrange(len(out))] = random.choice((0, 1, 0x7F, 0x80, 0xFF))
    return bytes(out)


MUTATIONS: tuple[Mutation, ...] = (
    cut,
    flip_bits,
    drop_range,
    repeat_range,
    splice,
    insert_word,
    evil_number,
    evil_byte,
)


def mutate(random: Random, corpus: list[bytes]) -> bytes:
    """Return one of ``corpus``, broken once to four times, inside gzip or around it."""
    data, other = random.choice(corpus), random.choice(corpus)
    zipped = data.startswith(b"\x1f\x8b")
    inside = zipped and random.random() < 0.8
    if inside:
        data = gzip.decompress(data)
        other = gzip.decompress(other) if other.startswith(b"\x1f\x8b") else other
    for _ in range(random.randint(1, 4)):
        data = random.choice(MUTATIONS)(random, data, other)[: 4 << 20]
    return gzip.compress(data, 1) if inside and random.random() < 0.2 else data
