"""The programs that fixes are tried on: how each is built, what it is run with, and on which versions of Go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from mapmedic.remedy.outside.choice import CLEAR, EVICT, RESET
from mapmedic.source.toolchain import GoToolchain, probe_go
from tests.support.livefix_program import build_livefix
from tools.toolchains import VERSIONS, ensure

KINDS = (
    "any-index", "any-tokens", "closure-cards", "generic-cache", "global-rates", "global-tokens", "int-ledger",
    "lone-notes", "mirrored-desk", "mixed-box", "nested-rooms", "point-grid", "session-desk", "sharded-devices",
    "sharded-tokens", "small-flags", "straddling-tokens", "typed-jobs", "vault-tokens", "wide-archive",
)  # fmt: skip
_C = {"CGO_ENABLED": "1"}
_ALL, _FEW = tuple(VERSIONS), ("1.21", "1.24", "1.27")
_SOME = ("session-desk", "any-index", "wide-archive")


@dataclass(frozen=True, slots=True)
class Program:
    """One way to build and run lab/livefix: ``flags`` and ``settings`` of go build, ``arguments``, ``environment``.

    ``strategy``: what becomes of its maps.
    """

    name: str
    flags: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    minors: tuple[str, ...] = _ALL
    kinds: tuple[str, ...] = _SOME
    # How long it may stand still at a time.
    budget_ms: float = 20.0
    strategy: str = RESET

    def build(self, minor: str, folder: Path) -> Path:
        """Build it; the same flags give the same file."""
        return build_livefix(toolchain(minor), folder, *self.flags, environment=self.settings)


# Where an iterator that comes and goes is kept; between two walks none is alive.
_WALKS = ("--iterators", "1", "--walk-every", "0", "--walk-rest", "50ms", "--iterator")

STRIPPED = ("-ldflags=-s -w",)
ORDINARY = (Program("plain", kinds=KINDS), Program("stripped", STRIPPED, kinds=KINDS))
# A pause of the collector in which it marks everything once more takes as long as marking does.
_SELDOM = ("--gc-every", "100ms")
# With many stacks, marking takes longer than the rest between two collections would be.
_RARELY = ("--gc-every", "1s")
# All of these stacks are looked at in the stop.
_LONG_MS = 1_000.0
# What makes a process hard to stop, to unwind or to collect.
HARD = (
    Program("built with -race", ("-race",), _C, {"GORACE": "halt_on_error=1"}),
    Program("GODEBUG=gccheckmark=1", environment={"GODEBUG": "gccheckmark=1"}, arguments=_SELDOM),
    Program("GODEBUG=clobberfree=1", environment={"GODEBUG": "clobberfree=1"}),
    Program("reads through C and back", ("-tags=throughc",), _C),
    Program("through C, built with -race", ("-tags=throughc", "-race"), _C, {"GORACE": "halt_on_error=1"}),
    Program("GOMAXPROCS=1", environment={"GOMAXPROCS": "1"}, minors=_FEW),
    Program("GOGC=off", environment={"GOGC": "off"}, arguments=("--gc-every", "0"), minors=_FEW),
    Program("GODEBUG=asyncpreemptoff=1", environment={"GODEBUG": "asyncpreemptoff=1"}, minors=_FEW),
    Program(
        "10,000 goroutines more", arguments=("--parked", "10000", *_RARELY), minors=_FEW, budget_ms=_LONG_MS
    ),
    Program(
        "100 stacks of 1 MB",
        arguments=("--parked", "100", "--depth", "4000", *_RARELY),
        minors=_FEW,
        budget_ms=_LONG_MS,
    ),
    Program("GOEXPERIMENT=noswissmap", settings={"GOEXPERIMENT": "noswissmap"}, minors=("1.24", "1.25")),
    Program(
        "GOEXPERIMENT=nosynchashtriemap",
        settings={"GOEXPERIMENT": "nosynchashtriemap"},
        minors=("1.24",),
        kinds=(
            "any-tokens",
            "global-tokens",
            "sharded-tokens",
            "straddling-tokens",
            "typed-jobs",
            "vault-tokens",
        ),
    ),
    Program("GOEXPERIMENT=greenteagc", settings={"GOEXPERIMENT": "greenteagc"}, minors=("1.25",)),
    Program("GOEXPERIMENT=nogreenteagc", settings={"GOEXPERIMENT": "nogreenteagc"}, minors=("1.26",)),
)
# Those whose entries can be taken out one by one, and those of them whose keys have a text to choose by.
_LOCKED = (
    "any-index", "closure-cards", "generic-cache", "global-rates", "int-ledger", "mirrored-desk", "mixed-box",
    "point-grid", "session-desk", "sharded-devices", "small-flags", "wide-archive",
)  # fmt: skip
_TEXTS = ("any-index", "point-grid", "session-desk", "sharded-devices")
_GENERATIONS = ("1.21", "1.23", "1.24", "1.27")
# Entries that go one by one go beside iterators too, which stand somewhere for a while.
_STANDS = ("--iterators", "2", "--walk-every", "1ms", "--walk-rest", "20ms", "--iterator")
ONE_BY_ONE = (
    Program("evict half", arguments=(*_STANDS, "range"), minors=_GENERATIONS, kinds=_TEXTS, strategy=EVICT),
    Program("clear", arguments=(*_STANDS, "reflect"), minors=_GENERATIONS, kinds=_LOCKED, strategy=CLEAR),
    Program(
        "evict half, built with -race", ("-race",), _C, {"GORACE": "halt_on_error=1"}, minors=_GENERATIONS,
        kinds=_TEXTS, strategy=EVICT,
    ),
    Program(
        "clear, GODEBUG=gccheckmark=1", environment={"GODEBUG": "gccheckmark=1"}, arguments=_SELDOM,
        minors=_GENERATIONS, strategy=CLEAR,
    ),
    Program(
        "evict half, GODEBUG=clobberfree=1", environment={"GODEBUG": "clobberfree=1"}, minors=_GENERATIONS,
        kinds=_TEXTS, strategy=EVICT,
    ),
    Program(
        "clear, 10,000 goroutines more", arguments=("--parked", "10000", *_RARELY), minors=_FEW,
        budget_ms=_LONG_MS, strategy=CLEAR,
    ),
    Program(
        "clear, GOEXPERIMENT=noswissmap", settings={"GOEXPERIMENT": "noswissmap"}, minors=("1.24", "1.25"),
        kinds=_LOCKED, strategy=CLEAR,
    ),
)  # fmt: skip


def walking(minor: str, kinds: Sequence[str], kind: str) -> tuple[str, ...]:
    """Return the arguments that give a cell of the matrix its iterator: each place in turn."""
    places = ("range", "reflect", "pull") if int(minor.split(".")[1]) >= 23 else ("range", "reflect")
    turn = list(kinds).index(kind) + list(VERSIONS).index(minor)
    return (*_WALKS, places[turn % len(places)])


@cache
def toolchain(minor: str) -> GoToolchain:
    """Return the Go of ``minor``, fetched where it is not there yet."""
    go = probe_go(ensure(minor) / "bin" / "go")
    if go is None:
        raise SystemExit(f"Go {minor} does not run on this machine")
    return go
