"""What hotfix takes for a process without an agent, and what goes with the other kind of target only."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from mapmedic.cli.options import Duration
from mapmedic.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])
_OPTIONS = (
    click.option(
        "--lock", "locks", multiple=True, metavar="LOCK",
        help="Of a process: the lock that guards the map, where it was not found: main.mu, or 0x…:Mutex, 0x…:RWMutex.",
    ),
    click.option(
        "--no-lock-known", is_flag=True,
        help="Of a process: go without a lock where none was found. The plan says what that risks.",
    ),
    click.option(
        "--redact", is_flag=True,
        help="Of a process: save hashes in the place of what keys and values say.",
    ),
    click.option(
        "--wait", type=Duration(), default="10s", show_default=True,
        help="Of a process: how long to try for a safe moment before giving up.",
    ),
    click.option(
        "--max-stop", "max_stop_ms", type=click.FloatRange(1, 1000), default=20.0, show_default=True, metavar="MS",
        help="Of a process: for how long it may stand still at a time.",
    ),
    click.option(
        "--no-watch", is_flag=True,
        help="Of a process: only look now and then whether the lock is free. By default one that hardly ever is, is "
        "watched, and the process stopped where somebody takes it.",
    ),
    click.option(
        "--plan", "reviewed", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
        help="Of a process: refuse unless this is still the program, process and map of that plan (--json), "
        "and to be done as it says.",
    ),
)  # fmt: skip
_FOR_PROCESS = {
    "locks": "--lock", "no_lock_known": "--no-lock-known", "redact": "--redact", "wait": "--wait",
    "max_stop_ms": "--max-stop", "no_watch": "--no-watch", "reviewed": "--plan",
    "struct": "--struct", "call": "--call", "call_limit": "--call-limit",
}  # fmt: skip
# Option of the agent's fix -> why it makes no sense for a process without one.
_FOR_AGENT = {
    "max_lock_hold": (
        "--max-lock-hold",
        "nobody takes the map's lock from outside; --max-stop bounds the pause",
    ),
    "hold": ("--hold", "nothing is held: what leaves the map is garbage at once"),
    "backup": ("--backup", "the agent writes it"),
    "health_urls": (
        "--health-url",
        "what was emptied from outside cannot be put back when the service turns bad",
    ),
    "health_latency": ("--health-latency", "it goes with --health-url"),
    "token_file": ("--token-file", "there is no agent to ask"),
    "auth_file": ("--auth-file", "there is no endpoint to ask"),
    "ca_file": ("--ca-file", "there is no endpoint to ask"),
    "certificate": ("--cert", "there is no endpoint to ask"),
    "key": ("--key", "there is no endpoint to ask"),
    "baseline": ("--baseline", "a process without an endpoint shows no HeapAlloc to hold against it"),
    "near": ("--near", "it goes with --baseline"),
    "gc_log": ("--gctrace", "a process without an endpoint shows no MemStats to hold against it"),
    "max_gc_pause": ("--max-gc-pause", "a process without an endpoint does not tell the GC's pauses"),
}


# Option of a fix of a map from outside -> why it makes no sense for a call.
_FOR_MAP = {
    "strategy": ("--strategy", "what the function does is up to it"),
    "conditions": ("--where", "what the function does is up to it"),
    "no_lock_known": ("--no-lock-known", "the plan says which locks its code is seen to take"),
    "redact": ("--redact", "no entry is saved"),
    "no_backup": ("--no-backup", "no entry is saved anyway"),
    "max_stop_ms": ("--max-stop", "the process is not stopped as a whole"),
    "no_watch": ("--no-watch", "no lock is watched"),
    "reviewed": ("--plan", "a plan for a map is what it holds against"),
}


@dataclass(frozen=True, slots=True)
class OutsideWish:
    """What the user asks of a fix from outside."""

    locks: tuple[str, ...]
    no_lock_known: bool
    redact: bool
    wait_seconds: float
    max_stop_ms: float
    no_watch: bool
    reviewed: Path | None


def outside_options(command: F) -> F:
    """Add the options of a process without an agent; the command gets them as one ``outside``."""

    @functools.wraps(command)
    def wishing(
        *words: Any, locks: tuple[str, ...], no_lock_known: bool, redact: bool, wait: float, max_stop_ms: float,
        no_watch: bool, reviewed: Path | None, **more: Any,
    ) -> Any:  # fmt: skip
        if locks and no_lock_known:
            raise UsageError("--lock and --no-lock-known exclude each other")
        wish = OutsideWish(locks, no_lock_known, redact, wait, max_stop_ms, no_watch, reviewed)
        return command(*words, outside=wish, **more)

    for option in reversed(_OPTIONS):
        wishing = option(wishing)
    return wishing  # type: ignore[return-value]


def refuse_agent_options(target: str, but: Collection[str] = ()) -> None:
    """Raise UsageError for the first option given that goes with an agent only, those of ``but`` aside."""
    _refuse(
        {name: each for name, each in _FOR_AGENT.items() if name not in but},
        lambda option, why: f"{option} makes no sense for {target}, a process without an agent: {why}",
    )


def refuse_map_options() -> None:
    """Raise UsageError for the first option given that makes no sense with --call."""
    _refuse(_FOR_MAP, lambda option, why: f"{option} makes no sense with --call: {why}")


def refuse_process_options(target: str) -> None:
    """Raise UsageError for the first option given that goes with a process only."""
    known = {name: (option, "") for name, option in _FOR_PROCESS.items()}
    _refuse(
        known, lambda option, _: f"{option} is for a process without an agent (hotfix PID); {target} has one"
    )


def _refuse(options: Mapping[str, tuple[str, str]], words: Callable[[str, str], str]) -> None:
    context = click.get_current_context()
    for name, (option, why) in options.items():
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise UsageError(words(option, why))
