"""The bars of a proof, and what it may look at beside the target; hotfix and verify have the same."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from mapmedic.cli.options import Duration

F = TypeVar("F", bound=Callable[..., Any])
_OPTIONS = (
    click.option(
        "--max-gc-pause", type=Duration(), default="10ms", show_default=True,
        help="What the 99th percentile of the GC's pauses afterwards may be.",
    ),
    click.option(
        "--baseline", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
        help="A session from when all was well: HeapAlloc must be back near it.",
    ),
    click.option(
        "--near", type=click.FloatRange(0.0, 10.0), default=0.25, show_default=True,
        help="By which share HeapAlloc may be above the baseline.",
    ),
    click.option(
        "--gctrace", "gc_log", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
        help="The service's log with GODEBUG=gctrace=1, read when all is done: its pauses must be those of MemStats.",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ProofWish:
    """What the user asks of a proof beside the drop of memory."""

    max_gc_pause_ms: float
    near: float
    baseline: Path | None
    gc_log: Path | None


def proof_options(command: F) -> F:
    """Add --max-gc-pause, --baseline, --near and --gctrace; the command gets them as one ``wish``."""

    @functools.wraps(command)
    def wishing(
        *words: Any, max_gc_pause: float, baseline: Path | None, near: float, gc_log: Path | None, **more: Any
    ) -> Any:
        return command(*words, wish=ProofWish(max_gc_pause * 1e3, near, baseline, gc_log), **more)

    for option in reversed(_OPTIONS):
        wishing = option(wishing)
    return wishing  # type: ignore[return-value]
