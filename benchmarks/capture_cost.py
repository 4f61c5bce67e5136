"""What a capture costs the target: its own CPU while it is left alone, asked by a plain client, and captured."""

from __future__ import annotations

import os
import statistics
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Bar, Result, spread
from mapmedic import api
from mapmedic.demo.service import LabService, Scenario, build_lab
from mapmedic.demo.traffic import Traffic
from mapmedic.formats.symbols import parse_symbols, symbol_query
from mapmedic.model.session import Artifact
from mapmedic.source.toolchain import GoToolchain

_WINDOW_SECONDS = 10.0
_ROUNDS = 5
_MOST_SHARE = 0.01
_SCENARIO = Scenario("steady-cache")
_TICK = os.sysconf("SC_CLK_TCK")


def run(go: GoToolchain, folder: Path, _runs: int) -> Result:
    """Watch one service under traffic in three ways, in turn, for the same time each."""
    binary, version = build_lab(go)
    session = folder / "cost.mapmedic"
    shares: dict[str, list[float]] = {"left alone": [], "asked by a plain client": [], "captured": []}
    with LabService(binary, _SCENARIO) as service, Traffic(service.url) as traffic:
        plan = api.CapturePlan(_WINDOW_SECONDS)
        api.capture([service.url], session, plan)  # what is asked, and when; and it warms up
        questions = _questions(api.read_session(session).artifacts)
        ways: tuple[Callable[[], object], ...] = (
            lambda: time.sleep(_WINDOW_SECONDS),
            lambda: _ask(questions),
            lambda: api.capture([service.url], session, plan, force=True),
        )
        for _ in range(_ROUNDS):
            for taken, way in zip(shares.values(), ways, strict=True):
                taken.append(_cpu_share(service.pid, way))
        requests = traffic.stop()
    return _told(shares, questions, version, requests.sent)


def _told(
    shares: dict[str, list[float]], questions: list[tuple[float, str]], version: str, sent: int
) -> Result:
    alone, plain, captured = shares.values()
    beyond = [ours - theirs for ours, theirs in zip(captured, plain, strict=True)]
    in_all = [ours - nothing for ours, nothing in zip(captured, alone, strict=True)]
    rows = [("the service, under traffic, is", "its CPU, % of one core")]
    rows += [(name, spread([100 * share for share in taken])) for name, taken in shares.items()]
    rows += [
        ("captured, beyond a plain client", spread([100 * share for share in beyond])),
        ("captured, beyond left alone", spread([100 * share for share in in_all])),
    ]
    words = (
        f"Lab service `{_SCENARIO.name}` ({version}), {sent:,} requests of its users meanwhile. The plain client asks "
        f"the {len(questions)} URLs that a capture of {_WINDOW_SECONDS:.0f} s with default visits asks, at the same "
        f"moments. utime + stime of /proc/PID/stat; n = {_ROUNDS} windows each, A B C A B C."
    )
    extra = statistics.median(captured) - statistics.median(plain)
    bar = Bar("CPU beyond its own handlers", 100 * extra, 100 * _MOST_SHARE, at_least=False, unit=" %")
    return Result("What a capture costs the target", words, tuple(rows), (bar,))


def _questions(artifacts: tuple[Artifact, ...]) -> list[tuple[float, str]]:
    """Return (seconds after the start, URL) of everything that was asked."""
    start = min(artifact.taken_at for artifact in artifacts)
    return [
        ((artifact.taken_at - start) / 1e9, url)
        for artifact in sorted(artifacts, key=lambda each: each.taken_at)
        for url in _urls(artifact)
    ]


def _urls(artifact: Artifact) -> list[str]:
    if artifact.kind != "symbols":
        return [artifact.source]
    return [f"{artifact.source}?{query}" for query in symbol_query(parse_symbols(artifact.data))]


def _ask(questions: list[tuple[float, str]]) -> None:
    started = time.monotonic()
    for moment, url in [*questions, (_WINDOW_SECONDS, "")]:
        time.sleep(max(0.0, started + moment - time.monotonic()))
        if url:
            with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - of our own lab
                answer.read()


def _cpu_share(pid: int, way: Callable[[], object]) -> float:
    """Return the CPU that ``pid`` used while ``way`` ran, as a share of one core."""
    before, started = _cpu_seconds(pid), time.monotonic()
    way()
    return (_cpu_seconds(pid) - before) / (time.monotonic() - started)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK
