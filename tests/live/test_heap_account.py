"""Where a process's RAM is, beside what the Go runtime says of itself (MemStats, the footer of heap?debug=1)."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable

import pytest

from mapmedic import api
from mapmedic.demo.service import LabService, Scenario
from tests.live.scenarios import truth_of
from tests.support.command import run

pytestmark = pytest.mark.live
StartLab = Callable[[Scenario], LabService]
MIB = 1 << 20


def memstats(service: LabService) -> dict[str, int]:
    """Return the figures of MemStats; of ``Stack = in use / system`` the first."""
    with urllib.request.urlopen(f"{service.url}/debug/pprof/heap?debug=1") as answer:
        text = answer.read().decode()
    return {name: int(number) for name, number in re.findall(r"^# (\w+) = (\d+)", text, re.MULTILINE)}


def near(one: int, other: int, rss: int) -> bool:
    """Tell whether two figures differ by no more than 1 MiB and 1 % of all RAM: the service ran on between them."""
    return abs(one - other) <= MIB + rss // 100


@pytest.mark.parametrize(
    ("scenario", "entries"),
    [("struct-field", 50_000), ("idle-heap", None), ("off-heap", None), ("goroutine-leak", 3_000)],
)
def test_it_adds_up_and_agrees_with_memstats(scenario: str, entries: int | None, start_lab: StartLab) -> None:
    service = start_lab(Scenario(scenario, entries=entries, rate=0 if entries else None))
    truth, stats = truth_of(service.url), memstats(service)
    account = api.heap(str(service.pid), max_pause_ms=5_000.0).account
    assert account is not None
    rss = account.rss_bytes
    assert abs(account.unexplained_bytes) <= 0.02 * rss, account
    heap = account.live_bytes + account.dead_bytes + account.room_bytes
    assert near(heap, stats["HeapInuse"], rss), account
    assert near(account.live_bytes + account.dead_bytes, stats["HeapAlloc"], rss), account
    assert near(account.free_bytes, stats["HeapIdle"] - stats["HeapReleased"], rss), account
    assert near(account.stack_bytes, stats["Stack"], rss), account
    books = sum(stats[name] for name in ("MSpan", "MCache", "BuckHashSys", "GCSys", "OtherSys"))
    assert account.runtime_bytes <= books + 4 * MIB, account
    off_heap = truth.get("off_heap_bytes", 0)
    assert near(account.off_heap_bytes, off_heap, rss) or account.off_heap_bytes > 0.9 * off_heap > 0, account


def test_it_is_printed_and_in_the_json(start_lab: StartLab) -> None:
    service = start_lab(Scenario("struct-field", entries=1_000, rate=0))
    words = ("heap", service.pid, "--max-pause", 5_000)
    assert "free, not given back" in run(*words).out
    account = run(*words, "--json").json["account"]
    assert sum(value for name, value in account.items() if name != "rss_bytes") == account["rss_bytes"]
