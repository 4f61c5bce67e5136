"""A plan that was agreed to is held against what would be done now, word by word."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mapmedic.errors import FormatError, PreflightFailed
from mapmedic.model.field_wish import FieldPlan
from mapmedic.model.map_lock import LockKind, MapLock
from mapmedic.model.remedy import FixPlan
from mapmedic.remedy.conditions import parse_condition
from mapmedic.remedy.outside.reviewed import read_reviewed
from mapmedic.report.json_output import dump, plan_json
from tests.support.outside_plans import outside_fix_plan, outside_plan

WHERE = (parse_condition("key prefix tenant-7:"), parse_condition("value.LastSeen older_than 24h"))
FIELDS = (FieldPlan("a", "a>5", True, "m.a", "map", 1, 9, 9, WHERE, 7),)
PLAN = outside_fix_plan(strategy="evict", where=WHERE, matches=7, outside=outside_plan(fields=FIELDS))


def now(**changes: object) -> FixPlan:
    assert PLAN.outside is not None
    return replace(PLAN, outside=replace(PLAN.outside, **changes))


def agreed(folder: Path, plan: FixPlan = PLAN) -> Path:
    path = folder / "plan.json"
    path.write_text(dump(plan_json(plan)))
    return path


def test_the_same_plan_is_the_same_however_the_figures_have_moved(tmp_path: Path) -> None:
    moved = replace(now(held_bytes=1, measured_ms=(9.0,)), entries=5, matches=6)
    read_reviewed(agreed(tmp_path)).require_same(moved)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (replace(PLAN, where=WHERE[:1]), "which entries go"),
        (replace(PLAN, strategy="clear"), "the plan is to evict, this is to clear"),
        (now(fields=(replace(FIELDS[0], condition="a>6"),)), "which maps of the struct"),
        (now(fields=(replace(FIELDS[0], address=2),)), "which maps of the struct"),
        (now(fields=(replace(FIELDS[0], where=WHERE[1:]),)), "which maps of the struct"),
        (now(locks=()), "the locks"),
        (now(locks=(MapLock(LockKind.MUTEX, 0xD000, "beside"),)), "the locks"),
        (now(saving=None), "whether entries are saved"),
        (now(redacted=True), "saved as hashes"),
        (replace(PLAN, return_memory=False), "whether memory is asked back"),
    ],
)
def test_what_is_to_be_done_otherwise_is_refused(tmp_path: Path, plan: FixPlan, said: str) -> None:
    with pytest.raises(PreflightFailed, match=said):
        read_reviewed(agreed(tmp_path)).require_same(plan)


def test_a_plan_that_hides_what_keys_say_is_held_all_the_same(tmp_path: Path) -> None:
    salt = b"01234567"
    where = tuple(each.hidden(salt) for each in WHERE)
    hidden = replace(now(fields=(replace(FIELDS[0], where=where),)), where=where)
    path = agreed(tmp_path, hidden)
    assert "tenant-7" not in path.read_text()
    read_reviewed(path).require_same(PLAN)
    other = (parse_condition("key prefix tenant-8:"), WHERE[1])
    with pytest.raises(PreflightFailed, match="which entries go"):
        read_reviewed(path).require_same(replace(PLAN, where=other))


def test_a_plan_with_a_part_missing_is_none(tmp_path: Path) -> None:
    path = agreed(tmp_path)
    whole = json.loads(path.read_text())
    del whole["outside"]["locks"]
    path.write_text(json.dumps(whole))
    with pytest.raises(FormatError, match="a field is missing"):
        read_reviewed(path).require_same(PLAN)
