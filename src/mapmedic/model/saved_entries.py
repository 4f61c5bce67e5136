"""What a map held, saved before it is changed from outside."""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.model.units import UnixNanoseconds


@dataclass(frozen=True, slots=True)
class EntryBounds:
    """How far one entry is saved; beyond that something stands for it that says so.

    ``text_bytes`` of a string or of bytes, ``elements`` of a slice, array or map within, ``pointers`` one behind the
    other, ``depth`` of parts within parts, ``values`` parts in all, and no further part beyond ``bytes`` of JSON.
    """

    text_bytes: int = 1 << 20
    elements: int = 1 << 14
    depth: int = 24
    pointers: int = 4
    values: int = 1 << 16
    bytes: int = 1 << 21


@dataclass(frozen=True, slots=True)
class SavedHeader:
    """What a file of saved entries is of; written at its start, before the first entry.

    ``is_difference``: the entries that came, changed or went between the copy at ``copied_at`` and the write, beside
    the file ``base``. ``entries`` is how many were found. ``key_type`` None: their bytes as they lie, types unknown.
    ``is_raw``: instead of entries the bytes of the map's own parts, as no type is known; ``entries`` counts pieces.
    ``started_ticks`` and ``boot`` name the process ``pid`` for good.
    """

    pid: int
    started_ticks: int
    boot: str
    program: str
    build_id: str | None
    owner: str
    type: str | None
    design: str
    address: int
    key_type: str | None
    value_type: str | None
    entries: int
    is_redacted: bool
    is_difference: bool
    base: str | None
    copied_at: UnixNanoseconds
    bounds: EntryBounds
    tool_version: str
    is_raw: bool = False


@dataclass(frozen=True, slots=True)
class EntriesPlan:
    """What saving so many entries in ``folder`` would take; ``free_bytes`` None where nobody says.

    ``is_raw``: it is the bytes of the map's own parts that are saved, in ``entries`` pieces.
    """

    folder: str
    entries: int
    estimate_bytes: int
    free_bytes: int | None
    is_raw: bool = False


@dataclass(frozen=True, slots=True)
class SavedEntries:
    """A file of saved entries, on the disk: how many, how many of them not wholly, and since when.

    ``is_raw``: it has the bytes of the map's own parts, in ``entries`` pieces.
    """

    path: str
    entries: int
    bytes: int
    sha256: str
    cut: int
    unreadable: int
    copied_at: UnixNanoseconds
    is_raw: bool = False


@dataclass(frozen=True, slots=True)
class SavedDifference:
    """What came, changed or went between the copy that was saved and the write.

    ``is_exact``: the saved entries and this are those of the moment of the write. Otherwise ``why`` not, and ``path``
    is None where nothing of it could be saved.
    """

    path: str | None
    added: int
    changed: int
    gone: int
    is_exact: bool
    why: str
    within_ms: float


@dataclass(frozen=True, slots=True)
class FieldSaved:
    """What was saved of the map in field ``name`` of a struct."""

    name: str
    saved: SavedEntries
    difference: SavedDifference | None
