"""Sync.Maps of a busy program emptied from outside, in both designs; the program checks itself all the time.

MAPMEDIC_GO=all pytest -n0 tests/live/test_sync_reset.py     # Go 1.21 to 1.27 instead of the machine's own
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from mapmedic.errors import HeapUnreadable, NoSafeMoment
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.inventory import take_inventory
from mapmedic.goheap.stack_watch import Standing
from mapmedic.goheap.sync_moment import watch_sync_map
from mapmedic.memory.process import read_facts, started_ticks
from mapmedic.model.acted import Acted
from mapmedic.model.change import Change
from mapmedic.model.safe_moment import Safe, Unsafe
from mapmedic.remedy.outside.act import Job, Patience, act
from mapmedic.remedy.outside.choice import choose_way
from mapmedic.remedy.outside.way import Act, Watch, Way
from mapmedic.source.toolchain import GoToolchain
from tests.live.test_outside import PATIENT, entries, faults, look, mended
from tests.support.livefix_program import Livefix, build_livefix
from tests.support.toolchains import classic_toolchains, minor, toolchains

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
MAPS = "any-tokens,global-tokens,straddling-tokens,typed-jobs,vault-tokens"
PAGE = 4096
ROUNDS = int(os.environ.get("MAPMEDIC_FIXES", "2"))
KILLS = int(os.environ.get("MAPMEDIC_KILLS", "12"))
STRIPPED = "-ldflags=-s -w"
FIRST_TRIE = 24


@dataclass(frozen=True, slots=True)
class Build:
    """One way to build it: with which Go, which flags, and which experiments switched."""

    go: GoToolchain
    flags: tuple[str, ...] = ()
    experiments: str = ""

    @property
    def is_trie(self) -> bool:
        return minor(self.go) >= FIRST_TRIE and "nosynchashtriemap" not in self.experiments

    def __str__(self) -> str:
        return " ".join(["stripped" if self.flags else "plain", self.go.version, self.experiments]).strip()


def builds() -> Iterator[Build]:
    """Yield plain and stripped for each Go, and the older design wherever it can be had."""
    newer = [go for go in toolchains() if minor(go) >= FIRST_TRIE]
    for go in [*classic_toolchains(), *newer]:
        yield Build(go)
        yield Build(go, (STRIPPED,))
        if minor(go) in (24, 25):
            yield Build(go, (STRIPPED,), "nosynchashtriemap")


BUILDS = tuple(builds())
only_tries = pytest.mark.parametrize(
    "build", [each for each in BUILDS if each.is_trie], ids=str, indirect=True
)
# None of them without a cache of toolchains.
only_older = pytest.mark.parametrize(
    "build", [each for each in BUILDS if not each.is_trie], ids=str, indirect=True
)


@pytest.fixture(scope="module", params=BUILDS, ids=str)
def build(request: pytest.FixtureRequest) -> Build:
    chosen: Build = request.param
    return chosen


@pytest.fixture(scope="module")
def program(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = {"GOEXPERIMENT": build.experiments} if build.experiments else {}
    return build_livefix(build.go, tmp_path_factory.mktemp("livefix"), *build.flags, environment=settings)


def resets(service: Livefix) -> list[tuple[str, int, Watch, Way]]:
    """Kind, address, watch and way for each sync.Map."""
    heap, kinds = look(service.process.pid), service.get("truth")["kinds"]
    maps = {each.address: each for each in take_inventory(heap).maps}
    places = [(kind, place["map"]) for kind in kinds for place in kinds[kind]["places"]]
    chosen = [(kind, choose_way(heap, maps[at], ())) for kind, at in places]
    return [(kind, each.watch.address, each.watch, each.way) for kind, each in chosen]


def empty(service: Livefix, watch: Watch, way: Way, patience: Patience = PATIENT) -> Acted:
    return act(Job(service.process.pid, started_ticks(service.process.pid), watch, way), patience)


def test_every_sync_map_is_emptied_and_the_program_finds_nothing_wrong(program: Path) -> None:
    with Livefix(program, MAPS, "--entries", "3000", "--rate", "200") as service:
        jobs = resets(service)
        (straddler,) = [at for kind, at, *_ in jobs if kind == "straddling-tokens"]
        assert straddler % PAGE == PAGE - 16
        for _ in range(ROUNDS):
            for kind, _, watch, way in jobs:
                assert entries(service, kind) > 1_000
                with mended(service):
                    done = empty(service, watch, way)
                assert done.entries > 1_000 and entries(service, kind) < 500
                assert "was read again in the same stop" in done.evidence[-1]
                # insert, look up, range, delete, clear, swap, on what was emptied a moment ago.
                assert service.post("exercise", kind) == {kind: []}
                service.post("refill", kind)
        assert faults(service) == {}


def test_many_in_one_struct_some_of_them_across_pages(program: Path, build: Build) -> None:
    with Livefix(program, "sharded-tokens", "--entries", "2000", "--rate", "100") as service:
        jobs = resets(service)
        for _ in range(ROUNDS):
            with mended(service):
                changed = [changes_of(service, watch, way) for _, _, watch, way in jobs]
            assert entries(service, "sharded-tokens") < 500
            service.post("refill")
        assert faults(service) == {}
        assert service.post("exercise") == {"sharded-tokens": []}
        assert faults(service) == {}
    if build.is_trie:
        assert {len(changes) for changes in changed} <= {1, 2}


def changes_of(service: Livefix, watch: Watch, way: Way) -> tuple[Change, ...]:
    seen = Only(way, lambda changes: changes)
    empty(service, watch, seen)
    return seen.planned[-1]


class Only:
    """A way that makes only some of the changes of another, as our death between two of them would."""

    is_one_write = True

    def __init__(self, way: Way, chosen: Callable[[tuple[Change, ...]], tuple[Change, ...]]) -> None:
        self.way, self.chosen = way, chosen
        self.planned: list[tuple[Change, ...]] = []

    def done(self, act: Act) -> None:
        self.way.done(act)

    def changes(self, standing: Standing, moment: Safe) -> Act | Unsafe:
        made = self.way.changes(standing, moment)
        if isinstance(made, Unsafe):
            return made
        self.planned.append(made.changes)
        return replace(made, changes=self.chosen(made.changes))


@only_tries
def test_each_child_of_a_root_may_go_by_itself(program: Path) -> None:
    chance = random.Random(6)  # noqa: S311 - which of them, no secret

    def some_words(changes: tuple[Change, ...]) -> tuple[Change, ...]:
        words = [
            Change(each.address + at, each.old[at : at + 8], bytes(8))
            for each in changes
            for at in range(0, len(each.old), 8)
            if any(each.old[at : at + 8])
        ]
        return tuple(chance.sample(words, len(words) // 2))

    with Livefix(program, "global-tokens,typed-jobs", "--entries", "3000", "--iterators", "1") as service:
        for kind, _, watch, way in resets(service):
            for _ in range(10):
                with mended(service):
                    empty(service, watch, Only(way, some_words))
                assert entries(service, kind) > 0
                assert faults(service) == {}
            assert service.post("exercise", kind) == {kind: []}
        assert faults(service) == {}


@only_older
def test_the_first_of_two_changes_loses_nothing_where_read_and_dirty_lie_on_two_pages(program: Path) -> None:
    with Livefix(program, "straddling-tokens", "--entries", "3000", "--iterators", "1") as service:
        ((kind, _, watch, way),) = resets(service)
        seen = Only(way, lambda changes: changes[:-1])
        for _ in range(20):
            # Being written anew, with a Range that promotes under way, it has some keys in both maps.
            with mended(service):
                empty_unless_split(service, watch, way)
            for _ in range(5):
                # Not told that entries may go: each that does is a fault.
                empty_unless_split(service, watch, seen)
        assert 2 in {len(changes) for changes in seen.planned}
        assert faults(service) == {}
        assert service.post("exercise", kind) == {kind: []}
        assert faults(service) == {}


def empty_unless_split(service: Livefix, watch: Watch, way: Way) -> None:
    """Empty it; a map inside whose own header lies on two pages is refused, until the program makes another."""
    try:
        empty(service, watch, way)
    except NoSafeMoment as error:
        assert error.reasons[-1].startswith("on_two_pages, "), error


def test_a_range_under_way_goes_on_and_hinders_nobody(program: Path) -> None:
    with Livefix(program, "vault-tokens,typed-jobs", "--iterators", "3", "--entries", "3000") as service:
        jobs = resets(service)
        for _ in range(5):
            for kind, _, watch, way in jobs:
                walked = service.wait_for(lambda stats, kind=kind: walking(stats, kind) == 3)  # type: ignore[misc]
                with mended(service):
                    done = empty(service, watch, way)
                assert not any(each.hindrance.hindrance == "iterator" for each in done.tries)
                service.post("refill", kind)
                before = walked["kinds"][kind]["walked"]
                service.wait_for(lambda stats, kind=kind, before=before: walks_on(stats, kind, before))  # type: ignore[misc]
        assert faults(service) == {}


def walking(stats: dict[str, Any], kind: str) -> int:
    return int(stats["kinds"][kind]["iterators_alive"])


def walks_on(stats: dict[str, Any], kind: str, before: int) -> bool:
    return bool(stats["kinds"][kind]["walked"] > before)


def test_a_removal_under_way_is_waited_for(program: Path, build: Build) -> None:
    """With few entries nodes are emptied up to the root all the time; with many writers somebody is in the middle."""
    busy = ("--entries", "64", "--writers", "1", "--deleters", "7", "--rate", "0", "--check-every", "0")
    expected = "in_map_operation" if build.is_trie else "locked"
    seen: set[str] = set()
    with Livefix(program, "vault-tokens", *busy) as service:
        ((_, _, watch, way),) = resets(service)
        for _ in range(200):
            with mended(service):
                done = empty(service, watch, way)
            seen |= {each.hindrance.hindrance.value for each in done.tries}
            if expected in seen:
                break
        assert faults(service) == {}
    assert expected in seen


def test_killed_at_any_moment_we_leave_a_program_that_runs_and_a_map_that_is_whole(program: Path) -> None:
    chance = random.Random(7)  # noqa: S311 - moments, no secrets
    with Livefix(program, "straddling-tokens,vault-tokens", "--entries", "500", "--rate", "100") as service:
        jobs = resets(service)
        for _ in range(KILLS):
            with mended(service):
                child = os.fork()
                if child == 0:
                    empty_for_ever(service, jobs)
                time.sleep(chance.uniform(0.0, 0.1))  # a moment is what is wanted
                os.kill(child, signal.SIGKILL)
                assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
            facts = read_facts(service.process.pid)
            assert facts.tracer_pid == 0 and facts.state in "RS"
            assert faults(service) == {}
        for kind, *_ in jobs:
            assert service.post("exercise", kind) == {kind: []}
        assert faults(service) == {}


def empty_for_ever(service: Livefix, jobs: list[tuple[str, int, Watch, Way]]) -> None:
    try:
        while True:
            for _, _, watch, way in jobs:
                empty(service, watch, way)
    finally:
        os._exit(1)  # nothing of the test may go on in a child


def test_what_is_no_sync_map_is_refused(program: Path, build: Build) -> None:
    with Livefix(program, "vault-tokens,session-desk", "--entries", "100") as service:
        heap = look(service.process.pid)
        desk = service.get("truth")["kinds"]["session-desk"]["places"][0]["map"]
        for address in (desk, 0x1000, *others(heap)):
            with pytest.raises(HeapUnreadable, match=r"no sync\.Map"):
                watch_sync_map(heap, address)
    if build.is_trie:
        assert others(heap)  # the runtime's own


@only_tries
def test_code_that_has_another_function_inlined_is_found(program: Path) -> None:
    with Livefix(program, "vault-tokens", "--entries", "100") as service:
        code = look(service.process.pid).stacks.code
    methods = "internal/sync.(*HashTrieMap[go.shape.interface {},go.shape.interface {}])."
    # It begins with what init became (src/internal/sync/hashtriemap.go), and nothing has its slow way inlined.
    assert set(code.code_of([f"{methods}Swap"])) & set(code.code_inlining([f"{methods}init"]))
    assert code.code_inlining([f"{methods}initSlow"]) == []


def others(heap: GoHeap) -> list[int]:
    """The tries that are no sync.Map: package unique relies on what is in them."""
    return [
        each.address
        for each in take_inventory(heap).maps
        if each.design == "hashtrie" and each.type != "sync.Map"
    ]


def test_one_that_nothing_leads_to_any_more_is_left_alone(program: Path) -> None:
    with Livefix(program, "vault-tokens", "--entries", "100") as service:
        ((_, at, watch, way),) = resets(service)
        moved = replace(watch, way=tuple((place, bytes(8)) for place, _ in watch.way))  # type: ignore[type-var, attr-defined]
        with pytest.raises(NoSafeMoment) as refused:
            empty(service, moved, way)
        assert refused.value.address == at and refused.value.reasons[0].startswith("moved, 1 times")
        assert faults(service) == {}
