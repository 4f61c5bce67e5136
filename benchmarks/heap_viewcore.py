"""Who owns a map, asked of one and the same core: mapmedic heap core:FILE beside viewcore."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import Bar, Result
from benchmarks.peers import Peer, viewcore
from mapmedic import api
from mapmedic.demo.service import LabService, Scenario, build_lab
from mapmedic.model.inventory import Inventory, MapInstance
from mapmedic.source.toolchain import GoToolchain
from tests.live.heap_cells import HEAP_SCENARIOS
from tests.live.scenarios import truth_of

_SECONDS = 180
_ARROW = " → "
_MOST_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Answer:
    """One map in one core: what the lab says, what both tools say of its owner, and how much heap each sees."""

    scenario: str
    truth: str
    ours: str
    theirs: str
    live_bytes: int
    their_live_bytes: int


def run(go: GoToolchain, folder: Path, _runs: int) -> Result:
    """Take a core of each scenario that holds a map, and ask both whose the map is."""
    title = "Whose a map is, asked of a core"
    peer, gcore = viewcore(go), shutil.which("gcore")
    if isinstance(peer, str) or gcore is None:
        return Result(
            title, f"No comparison: {peer if isinstance(peer, str) else 'gcore (gdb) is not here'}."
        )
    binary, version = build_lab(go)
    answers = [
        answer
        for scenario in HEAP_SCENARIOS.values()
        for answer in _ask(binary, scenario, folder / "core", peer, gcore)
    ]
    rows = [("scenario", "owner", "mapmedic", "viewcore", "live MiB, mapmedic", "viewcore")]
    rows += [
        (
            each.scenario, f"`{each.truth}`", _verdict(each.ours, right=_is_named(each)),
            _verdict(each.theirs, right=_leads_there(each.theirs, each.truth)),
            f"{each.live_bytes / 2**20:.1f}", f"{each.their_live_bytes / 2**20:.1f}",
        )
        for each in answers
    ]  # fmt: skip
    missed = [f"`{each.truth}`" for each in answers if not _leads_there(each.theirs, each.truth)]
    words = (
        f"Cores of lab services ({version}, plain), taken by gcore; one map each, the largest of the scenario. Ours is "
        f"the owner in `mapmedic heap core:FILE`, theirs the way that `viewcore FILE reachable ADDRESS` prints for the "
        f"address that ours gives ({peer.built}); yes where it begins at the truth's variable or function and goes "
        f"through its last field. A local map counts as named by its function where debug information has no more. It "
        f"misses {len(missed)} of {len(answers)}: {', '.join(missed) or 'none'}. What it "
        "takes for live: `viewcore FILE breakdown`."
    )
    named = sum(map(_is_named, answers))
    bar = Bar("owners named as the lab has them", named, len(answers), at_least=True)
    return Result(title, words, tuple(rows), (bar,))


def _ask(binary: Path, scenario: Scenario, stem: Path, peer: Peer, gcore: str) -> Iterator[Answer]:
    with LabService(binary, scenario) as service:
        truth = truth_of(service.url)
        if not truth["type"] or not truth["type"].startswith("map["):
            return
        subprocess.run(
            [gcore, "-o", str(stem), str(service.pid)], check=True, capture_output=True, timeout=_SECONDS
        )
        core = Path(f"{stem}.{service.pid}")
    try:
        seen = api.heap(f"core:{core}", exe=binary)
        part, found = _largest(truth, seen)
        way = _said(peer, core, binary, "reachable", f"{found.address:x}")
        live = re.search(r"\blive\s+(\d+)", _said(peer, core, binary, "breakdown"))
        yield Answer(
            scenario.name, part["path"], found.owner, _ARROW.join(re.split(r"\s*→\s*", way.strip())),
            seen.snapshot.heap_bytes, int(live[1]) if live else 0,
        )  # fmt: skip
    finally:
        core.unlink()


def _largest(truth: dict[str, Any], seen: Inventory) -> tuple[dict[str, Any], MapInstance]:
    """Return the largest map of the scenario as the lab tells it, and the row that agrees with it."""
    part = max(truth.get("parts") or [truth], key=lambda each: each["shallow_bytes"])
    return part, min(
        seen.maps,
        key=lambda each: (
            abs(each.entries - part["entries"]),
            abs(each.shallow_bytes - part["shallow_bytes"]),
            each.owner != part["path"],
        ),
    )


def _said(peer: Peer, core: Path, binary: Path, *words: str) -> str:
    done = subprocess.run(
        [str(peer.path), str(core), "--exe", str(binary), *words],
        capture_output=True, text=True, timeout=_SECONDS, check=False,
    )  # fmt: skip
    return done.stdout or done.stderr


def _is_named(answer: Answer) -> bool:
    """Tell whether ours is the truth, or all of it that the program's debug information has."""
    # From Go 1.24 on it leaves out a local map whose header lies on the stack: its function is what is said.
    return answer.ours == answer.truth or (
        answer.truth.startswith(f"{answer.ours}.") and "goroutine " in answer.ours
    )


def _leads_there(way: str, truth: str) -> bool:
    """Tell whether ``way`` begins at the variable or function of ``truth`` and goes through its last field."""
    root = re.search(r"main\.\w+", truth)
    last = truth.rpartition(".")[2]
    return root is not None and way.startswith(root[0]) and (truth == root[0] or f".{last}" in way)


def _verdict(said: str, *, right: bool) -> str:
    if right:
        return "yes"
    shown = " ".join(said.split()).replace("|", "\\|")
    return f"**no**: {shown[:_MOST_SHOWN] or 'nothing'}"
