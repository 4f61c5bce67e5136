"""Nothing of what keys say is left in the names of who holds a map."""

from __future__ import annotations

from mapmedic.model.holders import HolderStep, MapHolders, OtherHolder
from mapmedic.report.holders_tree import holders_json
from mapmedic.report.redaction import Redaction
from tests.support.inventories import a_map, inventory

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
