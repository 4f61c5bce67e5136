"""How old the values of a map are, by the times that lie in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mapmedic.goheap.descriptors import Descriptor, Descriptors, Kind
from mapmedic.goheap.moments import NANOSECONDS, unix_ns
from mapmedic.memory.reader import Address
from mapmedic.model.entries import AgeBand, Ages

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_EDGES = (0, _MINUTE, 10 * _MINUTE, _HOUR, 6 * _HOUR, _DAY, 7 * _DAY)
_TIME = "time.Time"
_ZERO_TIME_NS = -62_135_596_800 * NANOSECONDS
# A number is taken for a moment where nearly all of those tried lie within ten years before now or one after.
_BACK, _AHEAD = 10 * 365 * _DAY, 365 * _DAY
_TRIED, _SURE = 200, 0.95
_UNITS = (("unix s", 1), ("unix ms", 1_000), ("unix us", 1_000_000), ("unix ns", NANOSECONDS))
_NUMBERS = {
    Kind.INT: "q", Kind.INT64: "q", Kind.UINT: "Q", Kind.UINT64: "Q", Kind.INT32: "i", Kind.UINT32: "I",
}  # fmt: skip
_MOST_PLACES, _MOST_FIELDS, _MOST_DEPTH, _MOST_HOPS = 64, 4, 6, 2


@dataclass(frozen=True, slots=True)
class _Hop:
    """From a value to the next: the pointer lies at ``offset``; of an interface the type must be ``type``."""

    offset: int
    type: int = 0
    has_methods: bool = False


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a time may lie in a value: along ``hops``, then at ``offset``."""

    path: str
    hops: tuple[_Hop, ...]
    offset: int
    layout: str


def find_ages(
    descriptors: Descriptors, elem: Descriptor, elems: Sequence[Address], now_ns: int
) -> tuple[Ages, ...]:
    """Return the ages of the values of type ``elem`` at ``elems``, for each time in them; none where there is none."""
    finder = _Finder(descriptors, [at for at in elems if at], now_ns)
    found = []
    for place in finder.places(elem):
        unit = finder.unit(place)
        ages = finder.ages(place, unit) if unit else None
        if ages and ages.known:
            found.append(ages)
        if len(found) == _MOST_FIELDS:
            break
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Finder:
    descriptors: Descriptors
    elems: Sequence[Address]
    now_ns: int

    def places(self, elem: Descriptor) -> list[_Place]:
        """Return where times may lie, those that say so themselves first."""
        found: list[_Place] = []
        for place in self._walk(elem, "", (), 0, 0):
            found.append(place)
            if len(found) == _MOST_PLACES:
                break
        return sorted(found, key=lambda place: place.layout != _TIME)

    def _walk(
        self, kind: Descriptor | None, path: str, hops: tuple[_Hop, ...], offset: int, depth: int
    ) -> Iterator[_Place]:
        if kind is None or depth > _MOST_DEPTH:
            return
        if kind.name == _TIME:
            yield _Place(path, hops, offset, _TIME)
        elif kind.kind in _NUMBERS and kind.name != "time.Duration" and not path.lower().endswith("id"):
            yield _Place(path, hops, offset, _NUMBERS[kind.kind])
        elif kind.kind is Kind.STRUCT:
            for each in kind.fields:
                inner = self.descriptors.at(each.type)
                yield from self._walk(inner, f"{path}.{each.name}", hops, offset + each.offset, depth + 1)
        elif kind.kind is Kind.POINTER and len(hops) < _MOST_HOPS:
            inner = self.descriptors.at(kind.element)
            yield from self._walk(inner, path, (*hops, _Hop(offset)), 0, depth + 1)
        elif kind.kind is Kind.INTERFACE and len(hops) < _MOST_HOPS:
            yield from self._boxed(path, hops, offset, depth, has_methods=kind.methods > 0)

    def _boxed(
        self, path: str, hops: tuple[_Hop, ...], offset: int, depth: int, *, has_methods: bool
    ) -> Iterator[_Place]:
        """Look into what most of the interfaces hold."""
        starts = [self._follow(at, hops) for at in self.elems[:_TRIED]]
        types = Counter(self._type(at + offset, has_methods=has_methods) for at in starts if at is not None)
        del types[0]
        inner = self.descriptors.at(types.most_common(1)[0][0]) if types else None
        if inner is None:
            return
        if inner.is_direct and inner.kind is Kind.POINTER:
            inner_type, inner = inner.address, self.descriptors.at(inner.element)
        elif not inner.is_direct:
            inner_type = inner.address
        else:
            return
        hop = _Hop(offset, inner_type, has_methods)
        yield from self._walk(inner, path, (*hops, hop), 0, depth + 1)

    def _type(self, at: int, *, has_methods: bool) -> int:
        """Return the type that the interface at ``at`` holds; 0 for none."""
        memory = self.descriptors.types.memory
        word = memory.word(at) or 0
        return (memory.word(word + 8) or 0) if has_methods and word else word

    def _follow(self, at: int, hops: Sequence[_Hop]) -> int | None:
        for hop in hops:
            skip = 0
            if hop.type:
                if self._type(at + hop.offset, has_methods=hop.has_methods) != hop.type:
                    return None
                skip = 8
            at = self.descriptors.types.memory.word(at + hop.offset + skip) or 0
            if not at:
                return None
        return at

    def _read(self, place: _Place, elem: Address) -> int | None:
        """Return the number at ``place`` (of a time.Time: unix ns, 0 where it was never set); None where none is."""
        at = self._follow(elem, place.hops)
        if at is None:
            return None
        if place.layout == _TIME:
            ns = unix_ns(self.descriptors.types.memory, at + place.offset)
            return 0 if ns == _ZERO_TIME_NS else ns
        words = self.descriptors.types.memory.words(at + place.offset, place.layout)
        return None if words is None else words[0]

    def unit(self, place: _Place) -> tuple[str, int] | None:
        """Return (name, per second) of what ``place`` holds; None where its numbers are no moments."""
        if place.layout == _TIME:
            return _TIME, NANOSECONDS
        tried = [number for number in (self._read(place, at) for at in self.elems[:_TRIED]) if number]
        now = self.now_ns / NANOSECONDS
        for name, per_second in _UNITS:
            fits = sum(now - _BACK <= number / per_second <= now + _AHEAD for number in tried)
            if tried and fits >= _SURE * len(tried):
                return name, per_second
        return None

    def ages(self, place: _Place, unit: tuple[str, int]) -> Ages:
        """Return the ages of all values by ``place``."""
        name, per_second = unit
        numbers = [self._read(place, at) for at in self.elems]
        times = [number for number in numbers if number]
        ages = sorted(self.now_ns / NANOSECONDS - number / per_second for number in times)
        bands = tuple(
            AgeBand(low, high, sum(low <= age < (high or float("inf")) for age in ages))
            for low, high in zip(_EDGES, (*_EDGES[1:], None), strict=True)
        )
        return Ages(
            field=place.path,
            unit=name,
            known=len(ages),
            unset=sum(number == 0 for number in numbers),
            unreadable=sum(number is None for number in numbers),
            oldest_seconds=ages[-1] if ages else 0.0,
            median_seconds=ages[len(ages) // 2] if ages else 0.0,
            newest_seconds=ages[0] if ages else 0.0,
            in_future=sum(age < 0 for age in ages),
            over_an_hour=sum(age > _HOUR for age in ages),
            bands=bands,
        )
