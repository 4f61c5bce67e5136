"""Which map keeps what a growing place allocates, where no stack says so.

Three things can: the source, where the allocation's way through the program ends in one map; its types,
where it becomes part of a ``*T`` and one map in the profile holds those; and the agent's exact counts, where
one registered map gained as many entries as the place gained objects. Where none does it stays open.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mapmedic.diagnose.case import Case
from mapmedic.diagnose.containers import Container, Link
from mapmedic.diagnose.growing_places import GrowingPlace
from mapmedic.diagnose.owners import Source, entries_gained, registered_maps
from mapmedic.model.findings import Site, SourceFlow
from mapmedic.model.frames import ContainerKind

_MAPS = (ContainerKind.MAP, ContainerKind.SYNC_MAP)
_NO_ARRAYS = np.array([], dtype=np.int64)
# The agent is asked at another moment than the heap shows; a count less sure than this matches anything.
_CLOSE = 0.1
_SIGMAS = 3.0
_SURE = 0.15
_FEWEST_ENTRIES = 20
_BY_SOURCE, _BY_TYPE, _BY_COUNT = -0.1, -0.15, -0.25


def link_places(case: Case, source: Source | None) -> Case:
    """Return ``case`` with each growing place credited to the map that keeps what it makes, where one does."""
    for place in case.places:
        flow = source.follow(place.frames) if source else None
        case = _linked(case, place, source, flow) or case
    return case


def _linked(case: Case, place: GrowingPlace, source: Source | None, flow: SourceFlow | None) -> Case | None:
    if flow is not None and flow.site is not None and flow.hint is not None:
        kind = ContainerKind.SYNC_MAP if flow.hint.type == "sync.Map" else ContainerKind.MAP
        why = f"the source says that what {place.at} makes is put into it: {' -> '.join(flow.path)}"
        link = Link(why, _BY_SOURCE, " -> ".join(flow.path), "source")
        known = [c for c in case.containers if c.kind is kind and _fills_at(c, flow.site)]
        holder = known[0] if known else _unseen(place, kind, flow.site.line or 0)
        return _with(case, known, replace(holder, site=flow.site), place, link)
    if source is not None and flow is not None and (holding := _holding(case, source, flow)) is not None:
        container, type_ = holding
        why = f"what {place.at} makes becomes part of a {type_}, and of all maps here only it holds those"
        return _with(case, [container], container, place, Link(why, _BY_TYPE, type_, "source"))
    return _linked_by_count(case, place)


def _fills_at(container: Container, site: Site) -> bool:
    """Tell whether arrays of ``container`` were allocated at ``site``: its function may fill two maps."""
    return container.site.function == site.function and site.line in container.array_lines.tolist()


def _linked_by_count(case: Case, place: GrowingPlace) -> Case | None:
    fitting = [m for m in registered_maps(case) if m.kind in _MAPS and _gained_as_many(case, m.name, place)]
    if len(fitting) != 1 or place.objects_error > _SURE * place.objects:
        return None
    gained = entries_gained(case, fitting[0].name)
    why = (
        f"{fitting[0].name} gained {gained:,} entries by the agent's count while {place.at} gained "
        f"{place.objects:,.0f} objects"
    )
    link = Link(why, _BY_COUNT, f"{gained:,} entries, {place.objects:,.0f} objects", "agent")
    return _with(case, [], _unseen(place, ContainerKind(fitting[0].kind), place.site.line or 0), place, link)


def _gained_as_many(case: Case, name: str, place: GrowingPlace) -> bool:
    gained = entries_gained(case, name) or 0
    tolerance = max(_CLOSE * gained, _SIGMAS * place.objects_error)
    return gained >= _FEWEST_ENTRIES and abs(gained - place.objects) <= tolerance


def _holding(case: Case, source: Source, flow: SourceFlow) -> tuple[Container, str] | None:
    """Return the one map whose declared values are of a type that ``flow`` passes through."""
    found = []
    for container in case.containers:
        hint = source.locate(container.site) if container.kind in _MAPS else None
        held = (hint.type or "").rpartition("]")[2].strip() if hint else ""
        if held and held.lstrip("*") in flow.types:
            found.append((container, held))
    return found[0] if len(found) == 1 else None


def _unseen(place: GrowingPlace, kind: ContainerKind, line: int) -> Container:
    """Return a container whose own memory is too small to be in the profile."""
    site = replace(place.site, line=line)
    return Container(kind, site, place.stack, _NO_ARRAYS, _NO_ARRAYS, _NO_ARRAYS)


def _with(case: Case, known: list[Container], holder: Container, place: GrowingPlace, link: Link) -> Case:
    together = replace(
        holder, contents=np.concatenate([holder.contents, place.records]), links=(*holder.links, link)
    )
    others = tuple(each for each in case.containers if not any(each is one for one in known))
    places = tuple(each for each in case.places if each is not place)
    return replace(case, containers=(together, *others), places=places)
