"""What is in one map: some of its entries, and what all of them have in common."""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.model.go_values import GoValue
from mapmedic.model.inventory import InventoryTarget, MapInstance, Snapshot


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry."""

    key: GoValue
    value: GoValue


@dataclass(frozen=True, slots=True)
class KeyGroup:
    """Keys that have ``name`` in common: a prefix, a range, a value; how many of those looked at.

    ``bytes``: of their slots, and of the texts, slices and objects that key and value lead to over two pointers at
    most; what entries share counts for each, and maps within are left out.
    """

    name: str
    entries: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Grouping:
    """One way to sort the keys: by what (``prefix up to ":"``), the largest groups, how many there are in all."""

    by: str
    groups: tuple[KeyGroup, ...]
    distinct: int


@dataclass(frozen=True, slots=True)
class AgeBand:
    """Entries whose age lies in [``from_seconds``, ``to_seconds``); None: without end."""

    from_seconds: int
    to_seconds: int | None
    entries: int


@dataclass(frozen=True, slots=True)
class Ages:
    """How old values are by one time in them. Ages in seconds, negative for what lies in the future.

    ``field`` is the way to it in the value (``.lastSeen``); ``unit`` is time.Time or, for a number that looks like
    one, unix s, ms, us or ns. ``unset``: zero there; ``unreadable``: nothing sensible.
    """

    field: str
    unit: str
    known: int
    unset: int
    unreadable: int
    oldest_seconds: float
    median_seconds: float
    newest_seconds: float
    in_future: int
    over_an_hour: int
    bands: tuple[AgeBand, ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """What the slots of a map hold. ``looked_at`` of its ``live`` entries stand behind the groups and ages.

    ``looked_at_bytes`` is what these take, as told of a ``KeyGroup``.
    Those looked at are spread evenly over the map; ``shown`` are the first of them.
    """

    key_type: str
    value_type: str
    live: int
    looked_at: int
    looked_at_bytes: int
    shown: tuple[Entry, ...]
    groupings: tuple[Grouping, ...]
    ages: tuple[Ages, ...]


@dataclass(frozen=True, slots=True)
class MapEntries:
    """What is in ``map``. ``contents`` is None where its slots cannot be told apart; ``raw``: the bytes of the first.

    ``notes`` say what could not be read.
    """

    target: InventoryTarget
    snapshot: Snapshot
    map: MapInstance
    contents: Contents | None
    raw: str | None
    notes: tuple[str, ...]
