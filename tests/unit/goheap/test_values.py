"""Values whose memory lies: each is unreadable by itself, and nothing is followed or shown without end."""

from __future__ import annotations

import random
import struct
from itertools import pairwise

import pytest

from mapmedic.goheap.ages import find_ages
from mapmedic.goheap.descriptors import Kind
from mapmedic.goheap.moments import duration_text, moment_text
from mapmedic.goheap.slots import SlotLayout, read_slots, slot_types
from mapmedic.goheap.values import Bounds, Decoder
from mapmedic.memory.reader import Address
from mapmedic.model.go_values import Boxed, Elements, GoValue, Plain, Pointer, Struct, Text, Unreadable
from mapmedic.report.go_values import value_json, value_text
from mapmedic.report.redaction import Redaction
from tests.support.go_memory import BASE, GoMemory

ABSURD = 1 << 62


def decode(memory: GoMemory, kind: int, at: int, bounds: Bounds | None = None) -> GoValue:
    descriptors = memory.descriptors()
    descriptor = descriptors.at(kind)
    assert descriptor is not None
    return Decoder(descriptors, bounds or Bounds()).value(descriptor, at)


@pytest.mark.parametrize("header", [(ABSURD, 5), (BASE, ABSURD), (BASE, -1), (0, 5), (BASE, 1 << 30)])
def test_a_string_that_lies_is_unreadable_or_cut(header: tuple[int, int]) -> None:
    memory = GoMemory()
    kind, at = memory.type("string", Kind.STRING, 16), memory.words(*header)
    value = decode(memory, kind, at)
    if header == (BASE, 1 << 30):  # its beginning is there
        assert isinstance(value, Text)
        assert (value.length, value.is_whole) == (1 << 30, False)
    else:
        assert isinstance(value, Unreadable)


@pytest.mark.parametrize(
    "header", [(BASE, ABSURD, ABSURD), (BASE, 2, 1), (BASE, -1, 5), (0, 0, 5), (BASE, 1, -1)]
)
def test_a_slice_that_lies_is_unreadable(header: tuple[int, int, int]) -> None:
    memory = GoMemory()
    kind = memory.type("[]int", Kind.SLICE, 24, memory.type("int", Kind.INT, 8))
    assert isinstance(decode(memory, kind, memory.words(*header)), Unreadable)


def test_one_element_that_is_gone_costs_only_itself() -> None:
    memory = GoMemory()
    text = memory.type("string", Kind.STRING, 16)
    good = memory.put(b"good")
    at = memory.words(memory.words(good, 4, ABSURD, 4), 2, 2)
    value = decode(memory, memory.type("[]string", Kind.SLICE, 24, text), at)
    assert isinstance(value, Elements)
    assert isinstance(value.first[0], Text)
    assert isinstance(value.first[1], Unreadable)


def test_pointers_are_followed_so_far_and_cycles_marked() -> None:
    memory = GoMemory()
    node = memory.type("*main.N", Kind.POINTER, 8, 0)
    inner = memory.struct("main.N", 8, Next=(0, node))
    struct.pack_into("<Q", memory.bytes, node - BASE + 48, inner)
    first = memory.words(0)
    struct.pack_into("<Q", memory.bytes, first - BASE, first)
    value = decode(memory, inner, first)
    assert isinstance(value, Struct)
    once = value.fields[0][1]
    assert isinstance(once, Pointer)
    assert isinstance(once.to, Struct)
    again = once.to.fields[0][1]
    assert isinstance(again, Pointer)
    assert again.is_cycle
    chain = [memory.words(0) for _ in range(50)]
    for at, following in pairwise(chain):
        struct.pack_into("<Q", memory.bytes, at - BASE, following)
    assert value_text(decode(memory, inner, chain[0])).count("Next") == Bounds().pointers + 1


def test_a_type_within_itself_ends() -> None:
    memory = GoMemory()
    array = memory.type("[8]main.T", Kind.ARRAY, 8, 0, 0, 8)
    kind = memory.struct("main.T", 8, A=(0, array))
    struct.pack_into("<Q", memory.bytes, array - BASE + 48, kind)
    text = value_text(decode(memory, kind, BASE))
    assert "too much in one value" in text
    assert len(text) < 100_000


def test_an_interface_of_nonsense_is_unreadable() -> None:
    memory = GoMemory()
    kind = memory.type("interface {}", Kind.INTERFACE, 16, 0, 0, 0)
    assert isinstance(decode(memory, kind, memory.words(ABSURD, 1)), Unreadable)
    assert decode(memory, kind, memory.words(0, 0)) == Boxed("interface {}", None)


def test_what_a_terminal_would_obey_and_broken_utf8_are_kept_as_they_are() -> None:
    memory = GoMemory()
    kind = memory.type("string", Kind.STRING, 16)
    raw = b"\x1b[31m\xff\xfe" + "é".encode()
    value = decode(memory, kind, memory.words(memory.put(raw), len(raw)))
    assert value == Text("string", "\x1b[31m\\xff\\xfeé", len(raw), is_whole=True)
    cut = decode(memory, kind, memory.words(memory.put(b"abc\xc3\xa9"), 5), Bounds(text_bytes=4))
    assert cut == Text("string", "abc", 5, is_whole=False)


def test_overwritten_memory_never_does_more_than_be_unreadable() -> None:
    """Random bytes over everything, descriptors included, 400 times."""
    chance = random.Random(7)  # noqa: S311 - which byte is broken is no secret
    memory = GoMemory()
    text, number = memory.type("string", Kind.STRING, 16), memory.type("int64", Kind.INT64, 8)
    pointer = memory.type("*string", Kind.POINTER, 8, text)
    anything = memory.type("interface {}", Kind.INTERFACE, 16, 0, 0, 0)
    kind = memory.struct("main.V", 64, Name=(0, text), N=(16, number), P=(24, pointer), Any=(32, anything))
    group = memory.struct(
        "map.group[string]main.V", 648, slots=(8, memory.type("[8]slot", Kind.ARRAY, 640, 0))
    )
    slot = memory.struct("slot", 80, key=(0, text), elem=(16, kind))
    array = next(at for at in range(slot - BASE) if memory.bytes[at : at + 8] == struct.pack("<Q", 640))
    struct.pack_into("<Q", memory.bytes, array + 48, slot)
    at = memory.words(
        memory.put(b"name"), 4, 5, memory.words(memory.put(b"x"), 1), text, memory.words(BASE, 2)
    )
    full = bytes(memory.bytes)
    for _ in range(400):
        broken = bytearray(full)
        for _ in range(chance.randrange(1, 30)):
            broken[chance.randrange(4096, len(broken))] = chance.randrange(256)
        memory.bytes = broken
        descriptors = memory.descriptors()
        descriptor = descriptors.at(kind)
        slot_types(descriptors, 0, group)
        if descriptor is None:
            continue
        value = Decoder(descriptors).value(descriptor, at)
        value_text(value)
        value_json(Redaction().value(value))
        find_ages(descriptors, descriptor, [Address(at)] * 3, 10**18)


@pytest.mark.parametrize("swiss", [True, False])
def test_slots_that_lie_end(swiss: bool) -> None:
    """A directory that leads back to one table, an overflow bucket that leads to itself: no more than the slots."""
    memory = GoMemory()
    group = memory.words(0x0505050505050505, *range(16))
    struct.pack_into("<Q", memory.bytes, group - BASE + 16 * 8, group)
    groups = memory.words(0, 0, group, (1 << 60) - 1)
    header = memory.words(
        *(
            (8, 0, memory.words(groups, 0) if swiss else group, 1 << 60, 0, 0)
            if swiss
            else (8, 0, group, 0, 0, 0)
        )
    )
    layout = SlotLayout(swiss, 136, 8, 8, 72, 8, key_indirect=False, elem_indirect=False)
    assert read_slots(memory.memory(), header, layout, slots=1 << 20, most=10) is None
    wrong = SlotLayout(swiss, 136, 8, 1 << 60, 72, 8, key_indirect=False, elem_indirect=False)
    assert read_slots(memory.memory(), header, wrong, slots=8, most=10) is None


def test_a_sample_is_spread_and_counted_whole() -> None:
    memory = GoMemory()
    group = memory.words(0x0505050505050505, *range(16))
    layout = SlotLayout(True, 136, 8, 8, 72, 8, key_indirect=False, elem_indirect=False)
    header = memory.words(8, 0, group, 0, 0, 0)
    found = read_slots(memory.memory(), header, layout, slots=8, every=3, most=2)
    assert found is not None
    assert (found.live, found.keys) == (8, (group + 8, group + 8 + 24))


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0s"), (1, "1ns"), (1500, "1.5µs"), (2_000_000, "2ms"), (90 * 10**9, "1m30s"), (-(10**9), "-1s"),
        (3_600_500_000_000, "1h0m0.5s"), (59 * 10**9 + 1, "59.000000001s"),
    ],
)  # fmt: skip
def test_durations_as_go_prints_them(ns: int, text: str) -> None:
    assert duration_text(ns) == text


def test_moments() -> None:
    assert moment_text(1_700_000_000_120_000_000) == "2023-11-14T22:13:20.12Z"
    assert moment_text(-1) == "1969-12-31T23:59:59.999999999Z"


def test_nil_and_odd_numbers() -> None:
    memory = GoMemory()
    kind = memory.type("float64", Kind.FLOAT64, 8)
    assert decode(memory, kind, memory.put(struct.pack("<d", float("nan")))) == Plain("float64", "nan")
    assert value_json(Plain("*int", None)) is None
