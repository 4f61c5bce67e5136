"""The plan for a process without an agent, on a terminal and as a page: all of it there, and none of it obeyed."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from mapmedic.model.acted import Acted, Stage
from mapmedic.model.field_wish import FieldPlan
from mapmedic.model.remedy import Condition, FixPlan, Outcome
from mapmedic.model.report import FixReport
from mapmedic.model.units import UnixNanoseconds
from mapmedic.remedy.conditions import parse_condition
from mapmedic.report.html import render_fix
from mapmedic.report.terminal import print_outcome, print_plan
from tests.support.outside_plans import outside_fix_plan, outside_plan

EVIL = "\x1b[2J\x07evil<script>alert(1)</script>\u202e\n[bold]"


def shown(plan: FixPlan, width: int = 80, more: tuple[str, ...] = ()) -> str:
    file = StringIO()
    print_plan(Console(file=file, width=width, color_system=None), plan, more=more)
    return file.getvalue()


def test_the_command_that_is_offered_says_all_that_was_said() -> None:
    key, age = parse_condition("key glob a b*"), parse_condition("value.At older_than 24h")
    field = FieldPlan("a", "a>5", True, "m.a", "map", 1, 9, 9, (key, age), 7)
    plan = outside_fix_plan(strategy="evict", where=(key,), outside=outside_plan(fields=(field,)))
    text = shown(plan, width=300, more=("--journal", "/my dir", "--within", "5s"))
    assert (
        "mapmedic hotfix 1234 --struct main.mgr.sessions --field 'a>5' --strategy evict --where 'key glob a b*' "
        "--where 'a: value.At older_than 86400s' --journal '/my dir' --within 5s --apply"
    ) in text
    hidden = replace(plan, where=(key.hidden(b"12345678"),), outside=outside_plan(redacted=True))
    assert "--apply" in shown(hidden, 300) and "mapmedic hotfix" not in shown(hidden, 300)
    failed = (Condition("journal", False, "/my dir cannot be written"),)
    again = shown(replace(plan, conditions=failed), 300, ("--journal", "/my dir"))
    assert "/my dir'" not in again and again.rstrip().endswith("--journal DIRECTORY")


def test_what_the_operator_has_to_know_is_there() -> None:
    text = shown(outside_fix_plan())
    for said in (
        "empty main.mgr.sessions (812,345 entries). Nothing has been changed.", "without an agent", "400.0 MiB go with",
        "sync.RWMutex at 0xd000", "60 %", "and 3 more", "about 1.84 ms", "never more than 20 ms", "300.0 MiB reckoned",
        "mapmedic hotfix 1234 --map main.mgr.sessions --apply",
    ):  # fmt: skip
        assert said in " ".join(text.split()), said
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"without_lock": True}, "--no-lock-known"), ({"saving": None}, "--no-backup"),
        ({"redacted": True}, "--redact"),
        ({"watches_locks": False}, "--no-watch"), ({"budget_ms": 500.0}, "--max-stop 500"),
        ({"limit_ms": 60_000.0}, "--wait 60s"),
    ],
)  # fmt: skip
def test_the_command_that_is_offered_does_what_the_plan_says(changes: dict[str, object], words: str) -> None:
    plan = outside_fix_plan(outside=outside_plan(**changes))
    assert words in shown(plan).splitlines()[-1]


def test_a_plan_that_is_not_ready_offers_the_next_step_alone() -> None:
    text = shown(outside_fix_plan(conditions=(Condition("lock", False, "none was found"),)))
    assert "--apply" not in text
    assert text.splitlines()[-1].endswith("--map main.mgr.sessions --lock ADDRESS_OR_NAME")


def test_what_goes_is_said_of_each_way_as_it_is() -> None:
    where = parse_condition("key prefix tenant-7:")
    evict = outside_fix_plan(strategy="evict", where=(where,), matches=7)
    assert "Plan: take 7 of 812,345 entries out of main.mgr.sessions." in shown(evict)
    assert "What goes" not in shown(evict) and "What is in it, by prefix" in shown(evict)
    assert "What goes, by prefix" in shown(outside_fix_plan())
    fields = (
        FieldPlan("a", "a>5", True, "m.a", "map", 1, 9, 9),
        FieldPlan("b", "", False, "m.b", "map", 2, 9, 9),
    )
    struct = outside_fix_plan(map="main.mgr", kind="struct", outside=outside_plan(locks=(), fields=fields))
    assert "Plan: empty one map of main.mgr" in shown(struct)
    assert shown(struct).splitlines()[-1] == "  mapmedic hotfix 1234 --struct main.mgr --field 'a>5' --apply"


def test_the_next_step_is_of_the_same_plan() -> None:
    refused = (Condition("b: lock", False, "none was found"),)
    fields = (FieldPlan("a", "", True, "m.a", "map", 1, 9, 9),)
    struct = outside_fix_plan(map="main.mgr", conditions=refused, outside=outside_plan(fields=fields))
    assert shown(struct).splitlines()[-1].endswith("--struct main.mgr --lock ADDRESS_OR_NAME")
    evict = outside_fix_plan(strategy="evict", where=(parse_condition("key equals x"),), conditions=refused)
    assert "--strategy evict --where 'key equals " in shown(evict).splitlines()[-1]


def test_nothing_of_the_target_is_obeyed() -> None:
    plan = outside_fix_plan(EVIL)
    acted = Acted((Stage(7, 1.0, 2.0, (EVIL,), is_last=True),), ())
    outcome = Outcome(plan, True, None, 5, 7, EVIL, None, None, None, acted=acted)
    file = StringIO()
    print_outcome(Console(file=file, width=80, color_system=None), outcome)
    page = render_fix(FixReport(EVIL, EVIL, UnixNanoseconds(1), EVIL, None, outcome))
    planned = render_fix(
        FixReport(EVIL, EVIL, UnixNanoseconds(1), EVIL, None, replace(outcome, applied=False, acted=None))
    )
    for text in (shown(plan), file.getvalue()):
        assert not set("\x1b\x07\u202e") & set(text)
    for html in (page, planned):
        assert "<script>alert(1)" not in html and not set("\x1b\x07\u202e") & set(html)
