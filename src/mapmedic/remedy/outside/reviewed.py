"""Hold a plan against one that was shown before: what somebody has agreed to is what is done."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from mapmedic.errors import CannotRead, FormatError, PreflightFailed
from mapmedic.model.evict_condition import EvictCondition
from mapmedic.model.outside import OutsidePlan
from mapmedic.model.remedy import FixPlan
from mapmedic.remedy.conditions import condition_json

_MOST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The plan (``mapmedic.plan/1``) that somebody has agreed to, as the file ``path`` has it."""

    path: Path
    plan: dict[str, Any]

    def require_same(self, plan: FixPlan) -> None:
        """Raise PreflightFailed where ``plan`` is of another program, process or map, or does it in another way.

        FormatError where what was read is no whole plan.
        """
        try:
            differ = tuple(_differences(plan, self.plan))
        except (KeyError, TypeError) as error:
            raise FormatError(str(self.path), "it is no plan for a process: a field is missing") from error
        if differ:
            raise PreflightFailed(differ)


def _differences(plan: FixPlan, other: dict[str, Any]) -> Iterator[str]:
    mine, theirs = plan.outside, other["outside"]
    if mine is None:
        return
    if theirs["process"]["build_id"] != mine.target.build_id:
        yield f"the plan is for build {theirs['process']['build_id']}, the process runs {mine.target.build_id}"
    if theirs["started_ticks"] != mine.started_ticks or theirs["process"]["host"] != mine.target.host:
        yield "the plan is for another process: this one began at another time"
    elif theirs["map"]["address"] != mine.map.address:
        where = f"{theirs['map']['address']:#x}"
        yield f"the map has moved since the plan: it was at {where}, and is at {mine.map.address:#x}"
    if other["strategy"] != plan.strategy:
        yield f"the plan is to {other['strategy']}, this is to {plan.strategy}"
    yield from _other_words(plan, mine, other)


def _other_words(plan: FixPlan, mine: OutsidePlan, other: dict[str, Any]) -> Iterator[str]:
    """Yield what was asked for in other words than now."""
    theirs = other["outside"]
    where = _conditions(plan.where, other["where"])
    pairs = (
        ("which entries go (--where)", [_said(each) for each in other["where"]], where),
        ("which maps of the struct (--field)", _fields(theirs), _own_fields(mine, theirs)),
        ("the locks that have to be free", _locks(theirs), _locks(asdict(mine))),
        ("whether entries are saved", theirs["saving"] is not None, mine.saving is not None),
        ("whether they are saved as hashes", theirs["redacted"], mine.redacted),
        ("whether memory is asked back", other["return_memory"], plan.return_memory),
    )
    for what, then, now in pairs:
        if then != now:
            yield f"the plan has another word on {what}"


def _conditions(
    mine: Sequence[EvictCondition], theirs: Sequence[dict[str, object]]
) -> list[dict[str, object]]:
    """Return ``mine`` as a plan has them, hidden where ``theirs`` are."""
    told = [each.get("value") for each in theirs]
    pairs = zip_longest(mine, told[: len(mine)])
    return [condition_json(each.hidden_as(value)) for each, value in pairs]


def _said(condition: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in condition.items() if value is not None}


def _fields(outside: dict[str, Any]) -> list[tuple[object, ...]]:
    """Return what each field is asked: which one, on what condition, and where its map lies."""
    return [
        (each["name"], each["condition"], each["address"], [_said(one) for one in each.get("where", ())])
        for each in outside["fields"]
    ]


def _own_fields(mine: OutsidePlan, theirs: dict[str, Any]) -> list[tuple[object, ...]]:
    told = {each["name"]: each.get("where", ()) for each in theirs["fields"]}
    return [
        (each.name, each.condition, each.address, _conditions(each.where, told.get(each.name, ())))
        for each in mine.fields
    ]


def _locks(outside: dict[str, Any]) -> list[tuple[object, ...]]:
    return sorted((each["address"], each["kind"]) for each in outside["locks"])


def read_reviewed(path: Path) -> Reviewed:
    """Return the plan in the file ``path``; CannotRead or FormatError where it is none for a process."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES)
    except OSError as error:
        raise CannotRead(str(path), error.strerror or str(error)) from error
    try:
        plan = json.loads(raw)
    except ValueError as error:
        raise FormatError(str(path), "it is no JSON") from error
    if not isinstance(plan, dict) or plan.get("schema") != "mapmedic.plan/1" or not plan.get("outside"):
        raise FormatError(str(path), "it is no plan for a process (mapmedic hotfix PID --map OWNER --json)")
    return Reviewed(path, plan)
