"""Made-up inputs that are valid, with everything in them that the formats allow."""

from __future__ import annotations

import gzip
from typing import Any

from hypothesis import strategies as st

from tests.golden.corpus import CAPTURED

FOOTER = (
    b"\n# runtime.MemStats\n"
    + (CAPTURED / "go1.27.3" / "heap.txt").read_bytes().partition(b"\n# runtime.MemStats\n")[2]
)

uint64 = st.integers(0, 2**64 - 1)
small = st.integers(0, 6)
texts = st.text(max_size=12)


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def message(field: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return varint(field << 3 | 2) + varint(len(body)) + body


def repeated(field: int, values: list[int], packed: bool) -> bytes:
    if packed:
        return message(field, *map(varint, values))
    return b"".join(number(field, value) for value in values)


@st.composite
def raw_profiles(draw: st.DrawFn) -> bytes:
    """Draw profile.proto bytes: packed or not, fields in any order, ids anywhere in 64 bits."""
    strings = ["", *draw(st.lists(texts, max_size=6))]
    text = st.integers(0, len(strings) - 1)
    functions = draw(st.lists(st.integers(1, 2**64 - 1), unique=True, max_size=4))
    mappings = draw(st.lists(st.integers(1, 9), unique=True, max_size=3))
    locations = draw(st.lists(st.one_of(small, uint64).filter(bool), unique=True, max_size=5))
    types = draw(st.integers(0, 3))
    parts = [message(1, number(1, draw(text)), number(2, draw(text))) for _ in range(types)]
    parts += [draw(_mapping(identity, text)) for identity in mappings]
    parts += [draw(_location(identity, functions, mappings)) for identity in locations]
    parts += [draw(_function(identity, text)) for identity in functions]
    parts += [draw(_sample(locations, types, text)) for _ in range(draw(small))]
    parts += draw(_attributes(text))
    parts.append(number(99, 7) + varint(98 << 3 | 1) + b"8bytes..")
    table = b"".join(message(6, s.encode()) for s in strings)
    data = b"".join(draw(st.permutations([*parts, table])))
    return gzip.compress(data) if draw(st.booleans()) else data


@st.composite
def _mapping(draw: st.DrawFn, identity: int, text: Any) -> bytes:
    numbers = [number(field, draw(uint64)) for field in (2, 3, 4)]
    names = [number(field, draw(text)) for field in (5, 6)]
    has = [number(field, draw(st.integers(0, 1))) for field in (7, 8, 9, 10)]
    return message(3, number(1, identity), *numbers, *names, *has)


@st.composite
def _location(draw: st.DrawFn, identity: int, functions: list[int], mappings: list[int]) -> bytes:
    lines = [
        message(4, number(1, draw(st.sampled_from([0, *functions]))), number(2, draw(uint64)))
        for _ in range(draw(st.integers(0, 3)))
    ]
    mapping = number(2, draw(st.sampled_from([0, *mappings])))
    folded = number(5, draw(st.integers(0, 1)))
    return message(4, number(1, identity), mapping, number(3, draw(uint64)), *lines, folded)


@st.composite
def _function(draw: st.DrawFn, identity: int, text: Any) -> bytes:
    names = [number(field, draw(text)) for field in (2, 3, 4)]
    return message(5, number(1, identity), *names, number(5, draw(uint64)))


@st.composite
def _sample(draw: st.DrawFn, locations: list[int], types: int, text: Any) -> bytes:
    stack = draw(st.lists(st.sampled_from(locations), max_size=5)) if locations else []
    values = [draw(uint64) for _ in range(types)]
    labels = [
        message(
            3, number(1, draw(text)), number(2, draw(text)), number(3, draw(uint64)), number(4, draw(text))
        )
        for _ in range(draw(st.integers(0, 2)))
    ]
    packed = draw(st.booleans())
    return message(2, repeated(1, stack, packed), repeated(2, values, packed), *labels)


@st.composite
def _attributes(draw: st.DrawFn, text: Any) -> list[bytes]:
    parts = [number(field, draw(text)) for field in (7, 8, 14, 15)]
    parts += [number(field, draw(uint64)) for field in (9, 10, 12)]
    parts.append(repeated(13, draw(st.lists(text, max_size=3)), draw(st.booleans())))
    if draw(st.booleans()):
        parts.append(message(11, number(1, draw(text)), number(2, draw(text))))
    return draw(st.permutations(parts))


_letters = st.characters(exclude_characters="\t\r\n+", exclude_categories=("Cs",))
# Blanks around a name cannot be told from the blanks that align columns; inside they can.
_name = st.text(_letters, min_size=1, max_size=12).map(lambda name: name.strip(" ") or "x")
_file = _name.map(lambda name: f"/a b/{name}.go")
_count = st.integers(0, 10**12)


@st.composite
def heap_texts(draw: st.DrawFn) -> bytes:
    """Draw a debug=1 text as Go prints it: names with blanks, tabs that align, CRLF now and then."""
    rate = draw(st.sampled_from([0, 1, 2, 8192, 1048576]))
    records = [draw(_heap_record()) for _ in range(draw(small))]
    text = f"heap profile: 1: 2 [3: 4] @ heap/{rate}\n" + "".join(records)
    data = text.encode() + FOOTER
    return data.replace(b"\n", b"\r\n") if draw(st.booleans()) else data


@st.composite
def _heap_record(draw: st.DrawFn) -> str:
    stack = draw(st.lists(st.integers(1, 2**64 - 1), max_size=6))
    skip = draw(st.integers(0, len(stack)))
    frames = [draw(_frame_line(pc)) for pc in stack[skip:]]
    bare = f"#\t{draw(uint64):#x}\n" if draw(st.booleans()) else ""
    pcs = "".join(f" {pc:#x}" for pc in stack)
    counts = f"{draw(_count)}: {draw(_count)} [{draw(_count)}: {draw(_count)}] @"
    return counts + pcs + "\n" + "".join(frames) + bare + "\n"


@st.composite
def _frame_line(draw: st.DrawFn, pc: int) -> str:
    align = draw(st.sampled_from(["\t", "\t\t\t"]))
    offset, line = draw(st.integers(0, 999)), draw(st.integers(0, 9999))
    return f"#\t{pc - 1:#x}\t{draw(_name)}+{offset:#x}{align}{draw(_file)}:{line}\n"
