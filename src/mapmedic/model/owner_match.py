"""Which map of an inventory somebody means: the one place that decides it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from mapmedic.errors import AmbiguousOwner, UnknownOwner
from mapmedic.model.inventory import MapInstance

_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{1,16}")
_MOST_NEAR = 5


def find_map(maps: Sequence[MapInstance], name: str) -> MapInstance:
    """Return the map that ``name`` means: its address (0x…), one of its names, or what one of them ends in.

    The address may also be that of the global variable that holds it, as a stripped program's maps are called by it.

    AmbiguousOwner with the candidates where several are meant, UnknownOwner with the nearest names where none is.
    """
    if _ADDRESS.fullmatch(name):
        address = int(name, 16)
        meant = [each for each in maps if each.address == address] or [
            each for each in maps if _is_called(each, f"global {address:#x}")
        ]
    else:
        # What the list calls a map comes first: the maps within a map are declared by the name of the outer one.
        meant = (
            [each for each in maps if each.owner == name]
            or [each for each in maps if name in _names(each)]
            or [each for each in maps if _is_called(each, name)]
            or [each for each in maps if any(_ends_in(known, name) for known in _names(each))]
        )
    if len(meant) > 1:
        raise AmbiguousOwner(name, tuple(_told_apart(each) for each in meant))
    if not meant:
        known = sorted({known for each in maps for known in _names(each)})
        raise UnknownOwner(name, tuple(_nearest(name, known)), len(maps))
    return meant[0]


def _names(each: MapInstance) -> tuple[str, ...]:
    return tuple(name for name in (each.owner, each.path, each.declared, each.label) if name)


def _is_called(each: MapInstance, name: str) -> bool:
    """Tell whether ``name`` is the label of a global variable without the functions that touch it."""
    return each.label is not None and each.label.startswith(f"{name} (")


def _ends_in(known: str, name: str) -> bool:
    """Tell whether ``name`` is the end of ``known`` from a part on: sessions, mgr.sessions of main.mgr.sessions."""
    return known.endswith(name) and known[: -len(name)].endswith((".", "/", " "))


def _told_apart(each: MapInstance) -> str:
    return f"{each.owner} ({each.address:#x}, {each.entries:,} entries)"


def _nearest(name: str, known: Sequence[str]) -> list[str]:
    """Return what of ``known`` looks like ``name``, by the whole or by the last part."""
    near = difflib.get_close_matches(name, known, n=_MOST_NEAR, cutoff=0.5)
    last = name.rpartition(".")[2].lower()
    return near or [each for each in known if last and last in each.lower()][:_MOST_NEAR]
