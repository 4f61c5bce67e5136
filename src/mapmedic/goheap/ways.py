"""The way through the heap in Go's words: fields, elements, and the keys of the maps on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mapmedic.goheap.descriptors import ANY, Descriptor, Descriptors, Kind
from mapmedic.goheap.slots import SlotTypes, slot_types
from mapmedic.goheap.types import CONTAINERS
from mapmedic.goheap.values import Bounds, Decoder
from mapmedic.model.go_values import Boxed, Elements, GoValue, Plain, Pointer, Said, Struct, Text

# A step of a way as the native core tells it: value, offset in it, what it is, the type that goes with that.
Step = tuple[int, int, str, int]
UNKNOWN_KEY = "[…]"
_SLOTS_OF = ("map.group[", "map.bucket[")
# What lies between a map's header and its slots, or in a trie between its root and an entry.
_BETWEEN = frozenset(
    ("map", "directory", "table", "extra", "overflow_slice", "overflow_pointers", "trie_node")
)
# The same where a header of the allocator says what it is.
_RUNTIMES = ("*maps.table", "maps.table", "runtime.mapextra", "*runtime.bmap", "[]*runtime.bmap")
# src/internal/sync/hashtriemap.go: key and value of an entry of a sync.Map.
_TRIE_KEY, _TRIE_VALUE = 16, 32
# src/sync/map.go up to Go 1.23: what stands between the map inside and a value.
_SYNC_ENTRY = "sync.entry"
# src/runtime/chan.go, hchan: the length of the buffer, then the element's type at 32 (Go 1.22) or 40; recvx 16 behind.
_CHANNEL_ROOM, _CHANNEL_TYPES, _CHANNEL_NEXT = 8, (32, 40), 16
_KEY_BOUNDS = Bounds(text_bytes=256, elements=4, fields=1, pointers=0, values=16)
_SHOWN_KEY, _MOST_DEPTH = 40, 16


@dataclass(frozen=True, slots=True)
class Way:
    """``path`` behind what it begins at (``["a"].items``); whether a channel stands on it."""

    path: str
    through_channel: bool


@dataclass(frozen=True, slots=True)
class WayNames:
    """Names the steps of ways in one heap; the layouts of map slots are kept."""

    descriptors: Descriptors
    decoder: Decoder
    _slots: dict[int, SlotTypes | None] = field(default_factory=dict)

    @classmethod
    def of(cls, descriptors: Descriptors) -> WayNames:
        """Return the names of ways through the heap that ``descriptors`` belong to."""
        return cls(descriptors, Decoder(descriptors, _KEY_BOUNDS))

    def along(self, steps: Sequence[Step], first: int = 0) -> Way | None:
        """Return the way along ``steps``; None where a type on it is not known.

        ``first`` is the kind of the word that led to the first of them (reflect.Kind; 0: not known).
        """
        return _Walk(self, list(steps)).run(first)

    def declared(self, steps: Sequence[Step]) -> str | None:
        """Return ``main.Manager.sessions`` for the last step out of a struct with a name; None where there is none."""
        types = self.descriptors.types
        for _, place, kind, type_ in reversed(steps):
            if kind == "unknown":
                return None
            declared = types.declared_field(type_, place) if kind == "values" else None
            if declared:
                return declared
        return None

    def slots(self, bucket_type: int) -> SlotTypes | None:
        """Return how the slots of a group or bucket of this type are laid out; None for any other type."""
        if bucket_type not in self._slots:
            kind = self.descriptors.at(bucket_type)
            is_slots = kind is not None and kind.name.startswith(_SLOTS_OF)
            self._slots[bucket_type] = slot_types(self.descriptors, 0, bucket_type) if is_slots else None
        return self._slots[bucket_type]

    def key(self, kind: Descriptor, address: int) -> str:
        """Return ``["a"]``, ``[42]`` or ``[{…}]`` for the key at ``address``; […] where it cannot be read."""
        text = _key_text(self.decoder.value(kind, address))
        return UNKNOWN_KEY if text is None else f"[{text}]"

    def leaf(self, kind: Descriptor | None, offset: int) -> tuple[str, Descriptor] | None:
        """Return (``.field[3]``, type) of the word ``offset`` bytes into a value of type ``kind``."""
        path: list[str] = []
        for _ in range(_MOST_DEPTH):
            if kind is None:
                return None
            if kind.kind is Kind.ARRAY:
                inner = self.descriptors.at(kind.element)
                if inner is None or not inner.size:
                    return None
                path.append(f"[{offset // inner.size}]")
                offset, kind = offset % inner.size, inner
            elif kind.kind is Kind.STRUCT and not kind.name.startswith(CONTAINERS):
                found = [each for each in kind.fields if each.offset <= offset]
                if not found:
                    return None
                path.append(f".{found[-1].name}")
                offset, kind = offset - found[-1].offset, self.descriptors.at(found[-1].type)
            else:
                return "".join(path), kind
        return None


@dataclass(slots=True)
class _Walk:
    """One way being named. ``led``: the kind of the word that led to the step in hand."""

    names: WayNames
    steps: list[Step]
    parts: list[str] = field(default_factory=list)
    channels: int = 0
    led: int = 0

    def run(self, first: int) -> Way | None:
        self.led = first
        at = 0
        while at < len(self.steps):
            taken = self._channel(at) or self._map(at) or self._value(at)
            if not taken:
                return None
            at += taken
        return Way("".join(self.parts), self.channels > 0)

    def _channel(self, at: int) -> int:
        """Name a channel's buffer: two steps, or one where the way ends at the channel."""
        address, _, shape, type_ = self.steps[at]
        if shape != "channel" and self.led != Kind.CHAN:
            return 0
        memory, descriptors = self.names.descriptors.types.memory, self.names.descriptors
        places = [place for place in _CHANNEL_TYPES if not type_ or memory.word(address + place) == type_]
        for place in places:
            element = descriptors.at(memory.word(address + place) or 0)
            room, after = memory.word(address + _CHANNEL_ROOM), memory.word(address + place + _CHANNEL_NEXT)
            if element is None or not element.size or not room or after is None or after >= room:
                continue
            if at + 1 == len(self.steps):
                return 0
            index, offset = divmod(self.steps[at + 1][1], element.size)
            self.channels += 1
            return self._leaf(element, offset, f"[{(index - after) % room}]") and 2
        return 0

    def _map(self, at: int) -> int:
        """Name the way through a map, from its header to the slot: as many steps as that takes."""
        taken = 0
        is_map = self.led == Kind.MAP
        for address, place, shape, type_ in self.steps[at:]:
            taken += 1
            slots = self.names.slots(type_) if shape == "values" else None
            if slots is not None and slots.leads_on(place):
                continue
            if slots is not None:
                return self._slot(slots, address, place) and taken
            if shape == "trie_entry":
                if place < _TRIE_KEY:
                    continue  # one that collides with it hangs behind
                self.parts.append(self.names.key(ANY, address + _TRIE_KEY))
                self.led = Kind.INTERFACE
                return taken
            if not self._is_between(shape, type_) and not (is_map and shape == "unknown"):
                return 0
        return 0

    def _is_between(self, shape: str, type_: int) -> bool:
        return shape in _BETWEEN or (
            shape == "values" and self.names.descriptors.types.name(type_) in _RUNTIMES
        )

    def _slot(self, slots: SlotTypes, address: int, place: int) -> bool:
        number, offset = slots.slot(place)
        group = address + place - place % slots.layout.group_bytes
        key: int | None = slots.key_address(group, number)
        if slots.layout.key_indirect and key:
            key = self.names.descriptors.types.memory.word(key)
        name = self.names.key(slots.key, key) if key else UNKNOWN_KEY
        if offset is None or slots.layout.elem_indirect:
            self.parts.append(name)
            self.led = 0
            return True
        return self._leaf(slots.elem, offset, name)

    def _value(self, at: int) -> int:
        """Name a place in a value, or in an element of a slice."""
        _, place, shape, type_ = self.steps[at]
        kind = self.names.descriptors.at(type_) if shape == "values" else None
        if kind is None or not kind.size:
            return 0
        if kind.name == _SYNC_ENTRY:
            return 1
        index, offset = divmod(place, kind.size)
        is_element = self.led == Kind.SLICE or index > 0
        return int(self._leaf(kind, offset, f"[{index}]" if is_element else ""))

    def _leaf(self, kind: Descriptor, offset: int, before: str) -> bool:
        leaf = self.names.leaf(kind, offset)
        if leaf is None:
            return False
        self.parts.append(before + leaf[0])
        self.led = leaf[1].kind
        return True


def _key_text(key: GoValue) -> str | None:
    """Return a key as it stands between brackets; None where it was not read."""
    match key:
        case Text(_, text, _, is_whole):
            shown = text if is_whole and len(text) <= _SHOWN_KEY else f"{text[:_SHOWN_KEY]}…"
            quoted = shown.replace("\\", "\\\\").replace('"', '\\"')
            said: str | None = f'"{quoted}"'
        case Plain(_, plain):
            said = "nil" if plain is None else str(plain).lower() if isinstance(plain, bool) else str(plain)
        case Said(_, text):
            said = text[:_SHOWN_KEY]
        case Struct() | Elements():
            said = "{…}"
        case Pointer(_, address, _, _):
            said = f"{address:#x}"
        case Boxed(_, inner) if inner:
            said = _key_text(inner)
        case _:
            said = None
    return said
