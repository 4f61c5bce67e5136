"""Which map fields of a struct are changed, what is asked of the entries of each, and why the others are left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from mapmedic.errors import HeapUnreadable, PreflightFailed, UnknownStruct, UsageError
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.struct_maps import MapField
from mapmedic.model.evict_condition import EvictCondition
from mapmedic.model.field_wish import FieldPlan, FieldWish
from mapmedic.remedy.outside.choice import EVICT, Wanted, require_way
from mapmedic.remedy.outside.plan import OutsideRequest


@dataclass(frozen=True, slots=True)
class AskedField:
    """A map field, what was asked of it, and why it is left as it is ("": it was not meant; None: it is changed).

    ``condition``: as --field has it, "" without one. ``is_named``: by that or by a condition, so what is said
    must be askable of it.
    """

    field: MapField
    wish: FieldWish
    where: tuple[EvictCondition, ...]
    condition: str
    is_named: bool
    why_left: str | None = None

    @property
    def name(self) -> str:
        """Return the name of the field."""
        return self.field.name


@dataclass(slots=True)
class FieldChoice:
    """All map fields of the instance; ``chosen`` are those that are changed, each map once."""

    all: list[AskedField] = field(default_factory=list)

    @property
    def chosen(self) -> tuple[AskedField, ...]:
        """Return those that are changed; PreflightFailed where there is none."""
        found = tuple(each for each in self.all if each.why_left is None)
        if not found:
            held = "; ".join(
                f"{each.name} ({each.field.map.entries:,} entries): {each.why_left or 'not named'}"
                for each in self.all
            )
            raise PreflightFailed((f"something to empty: no field fits: {held}",))
        return found

    def leave(self, name: str, why: str) -> None:
        """Leave the field ``name`` as it is."""
        self.all = [replace(each, why_left=why) if each.name == name else each for each in self.all]

    def plan_of(self, name: str) -> FieldPlan:
        """Return what there is to say of the field ``name`` before anybody counted what fits."""
        each = next(each for each in self.all if each.name == name)
        map_ = each.field.map
        return FieldPlan(
            name=each.name,
            condition=each.condition,
            chosen=each.why_left is None,
            owner=map_.owner,
            type=map_.type,
            address=map_.address,
            entries=map_.entries,
            held_bytes=map_.retained_bytes or map_.shallow_bytes,
            where=each.where,
            why_left=each.why_left or "",
        )


def choose_fields(heap: GoHeap, fields: Sequence[MapField], request: OutsideRequest) -> FieldChoice:
    """Return which of ``fields`` ``request`` means: those it names, else all of which what it says can be asked.

    UsageError where one that is named is not there, or cannot be asked what is said of it.
    """
    wishes = {each.name: each for each in request.fields or ()}
    own = {name for name, _ in request.field_where}
    known = sorted(each.name for each in fields)
    for name in (*wishes, *own):
        if name not in known:
            raise UnknownStruct(f"{request.map}.{name}", tuple(known))
    of_all = not wishes and (not own or bool(request.where))
    choice = FieldChoice()
    for each in fields:
        where = (*request.where, *(condition for name, condition in request.field_where if name == each.name))
        is_named = each.name in wishes or each.name in own
        wish = wishes.get(each.name, FieldWish(each.name))
        condition = wish.text if each.name in wishes else ""
        if not (of_all or is_named):
            choice.all.append(AskedField(each, wish, (), condition, is_named, ""))
            continue
        asked = AskedField(each, wish, where, condition, is_named)
        choice.all.append(replace(asked, why_left=_why_left(heap, asked, request, choice)))
    return choice


def _why_left(heap: GoHeap, asked: AskedField, request: OutsideRequest, choice: FieldChoice) -> str | None:
    map_, strategy = asked.field.map, request.strategy
    if not asked.wish.holds(map_.entries):
        return f"it has {map_.entries:,} entries"
    if not map_.entries:
        return "it has no entry"
    same = next(
        (one for one in choice.all if one.field.map.address == map_.address and one.why_left is None), None
    )
    if same is not None:
        return _as_the_same(asked, same)
    if strategy == EVICT and not asked.where:
        raise UsageError(
            f"--field {asked.name} is there, and no --where for it: say --where '{asked.name}: key prefix tenant-7:'"
        )
    try:
        require_way(heap, map_, Wanted(strategy, asked.where))
    except UsageError as error:
        if asked.is_named:
            raise UsageError(f"{asked.name}: {error}{_hint(request)}") from error
        return str(error)
    except HeapUnreadable as error:  # of one that is named the plan says it as a condition that does not hold
        return None if asked.is_named else str(error)
    return None


def _hint(request: OutsideRequest) -> str:
    return " (a condition without a field's name is asked of all that are named)" if request.where else ""


def _as_the_same(asked: AskedField, same: AskedField) -> str:
    if asked.where != same.where:
        raise UsageError(
            f"{same.name} and {asked.name} are one map: say what goes of it for one of them (--field)"
        )
    return f"it is the same map as {same.name}"
