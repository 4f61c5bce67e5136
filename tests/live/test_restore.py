"""What a backup holds goes back into a real service, whole, after the commit."""

from __future__ import annotations

import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mapmedic import api
from mapmedic.capture.backup_file import iter_pieces
from mapmedic.demo.service import LabService, Scenario
from mapmedic.errors import PreflightFailed
from mapmedic.formats.entry_stream import StreamReader
from mapmedic.model.remedy import Outcome
from mapmedic.model.restore import Restored
from tests.live.scenarios import truth_of
from tests.support.command import run

pytestmark = pytest.mark.live
StartLab = Callable[[Scenario], LabService]
ENTRIES = 5_000
# The lab takes any printable UTF-8; quotes, escapes, combining and right-to-left characters, and what HTML minds.
UNUSUAL = (
    '"\\',
    "</script>&amp;",
    "日本語🗺️",
    "e\u0301",
    "\u05d0\u05d1",
    "'; --",
    "{}[]",
    "a" * 256,
    " ",
    "%00",
    "nul\\u0000",
)


def take_out(service: LabService, folder: Path, backup: Path, **wish: Any) -> Outcome:
    """Fix in this process; how the command line does it is in test_hotfix.py."""
    request = api.FixRequest("sessions", **wish, backup_path=backup)
    plan = api.plan_fix(service.url, request, service.token)
    return api.apply_fix(plan, service.token, criteria=api.Criteria(within_seconds=0), journal_folder=folder)


def put_back(service: LabService, folder: Path, backup: Path, name: str | None = None) -> Restored:
    plan = api.plan_restore(service.url, backup, service.token, map_name=name)
    return api.apply_restore(plan, service.token, journal_folder=folder)


def entries_of(path: Path) -> set[bytes]:
    """Return every entry of a backup, as it was written."""
    payloads: set[bytes] = set()
    for count, piece in iter_pieces(path, 1 << 20, lossy=False):
        found = StreamReader().feed(piece)
        assert len(found) == count
        payloads.update(found)
    return payloads


def test_a_restore_after_the_commit_brings_back_every_entry_as_it_was(
    start_lab: StartLab, tmp_path: Path
) -> None:
    service = start_lab(Scenario("struct-field", entries=ENTRIES, rate=0))
    for key in UNUSUAL:
        urllib.request.urlopen(
            f"{service.url}/api/work?{urllib.parse.urlencode({'key': key})}", timeout=10
        ).close()
    total = ENTRIES + len(UNUSUAL)
    first, second = tmp_path / "first", tmp_path / "second"
    take_out(service, tmp_path, first)
    assert truth_of(service.url)["entries"] == 0
    assert api.plan_restore(service.url, first, service.token).ready
    assert truth_of(service.url)["entries"] == 0, "a plan changes nothing"
    done = run(
        "restore",
        service.url,
        first,
        "--apply",
        "--journal",
        tmp_path,
        "--json",
        MAPMEDIC_TOKEN=service.token,
    )
    assert (done.code, done.json["restored"], done.json["kept_newer"]) == (0, total, 0), done.err
    assert truth_of(service.url)["entries"] == total
    again = put_back(service, tmp_path, first)
    assert (again.restored, again.kept_newer) == (0, total)

    take_out(service, tmp_path, second)
    assert entries_of(second) == entries_of(first)
    assert len(entries_of(first)) == total


def test_what_is_newer_stays_and_a_map_of_another_type_is_refused(
    start_lab: StartLab, tmp_path: Path
) -> None:
    service = start_lab(Scenario("struct-field", entries=300, rate=0))
    backup = tmp_path / "b"
    tenant = api.parse_condition("value.TenantID equals tenant-000000000007")
    gone = take_out(service, tmp_path, backup, strategy="evict", where=(tenant,)).entries_removed
    assert gone is not None and gone == len(entries_of(backup)) == 300 - truth_of(service.url)["entries"] > 0
    other = start_lab(Scenario("global-map", entries=10, rate=0))
    declared = truth_of(other.url)["declared"]
    with pytest.raises(PreflightFailed, match="type: the backup is of"):
        put_back(other, tmp_path, backup, declared)
    assert truth_of(other.url)["entries"] == 10
    assert put_back(service, tmp_path, backup).restored == gone
    assert truth_of(service.url)["entries"] == 300


def test_a_backup_that_was_damaged_is_not_used(start_lab: StartLab, tmp_path: Path) -> None:
    service = start_lab(Scenario("struct-field", entries=100, rate=0))
    backup = tmp_path / "b"
    take_out(service, tmp_path, backup)
    broken = bytearray(backup.read_bytes())
    broken[len(broken) // 2] ^= 1
    backup.write_bytes(broken)
    done = run("restore", service.url, backup, "--apply", "--journal", tmp_path, MAPMEDIC_TOKEN=service.token)
    assert done.code == 3
    assert str(backup) in done.err
    assert truth_of(service.url)["entries"] == 0
