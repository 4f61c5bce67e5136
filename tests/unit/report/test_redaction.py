"""Nothing of what keys say is left in the names of who holds a map."""

from __future__ import annotations

from mapmedic.model.entries import Contents, Grouping, KeyGroup
from mapmedic.model.holders import HolderStep, MapHolders, OtherHolder
from mapmedic.model.map_lock import LockKind, MapLock
from mapmedic.report.holders_tree import holders_json
from mapmedic.report.outside_json import outside_json
from mapmedic.report.redaction import Redaction
from tests.support.inventories import a_map, inventory
from tests.support.outside_plans import outside_plan

OWNER = 'main.tenants["acme"].items'
SEEN = inventory(a_map(OWNER, 9))
HOLDERS = MapHolders(
    SEEN.target, SEEN.snapshot, SEEN.maps[0], 'main.byName["acme"]',
    (HolderStep(4096, OWNER, None, 9),), (OtherHolder("main.T", 'main.cache["acme"]', 0),), 1,
)  # fmt: skip


def test_keys_on_the_way_are_hashes() -> None:
    assert "acme" in str(holders_json(HOLDERS))
    redacted = holders_json(Redaction().holders(HOLDERS))
    assert "acme" not in str(redacted)
    assert redacted["steps"][0]["name"] == redacted["map"]["owner"]
    assert redacted["map"]["owner"].startswith("main.tenants[#")


def test_a_plan_from_outside_says_no_key() -> None:
    group = KeyGroup("prefix acme:", 9, 90)
    contents = Contents("string", "int", 9, 9, 90, (), (Grouping("prefix", (group,), 1),), ())
    lock = MapLock(LockKind.MUTEX, 4096, 'main.tenants["acme"].mu lies beside it')
    plan = outside_plan(map=SEEN.maps[0], holders=HOLDERS, contents=contents, locks=(lock,))
    assert "acme" in str(outside_json(plan))
    redacted = outside_json(Redaction().plan(plan))
    assert "acme" not in str(redacted) and redacted["groupings"][0]["groups"][0]["entries"] == 9
