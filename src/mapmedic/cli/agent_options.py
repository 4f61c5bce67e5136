"""What hotfix takes for a service with the mapmedic agent in it only."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from mapmedic.cli.options import Duration
from mapmedic.cli.output import require_writable
from mapmedic.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])
_OPTIONS = (
    click.option(
        "--max-lock-hold", type=click.IntRange(1, 1000), metavar="MS",
        help="For shrink and clear, which copy the map in one hold of its lock: give up beyond this (25).",
    ),
    click.option(
        "--hold", type=click.IntRange(1, 600),
        help="Seconds after which the agent puts everything back by itself if we are gone; by default 60, more "
        "where the backup may take longer.",
    ),
    click.option(
        "--backup", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
        help="Where the entries are saved before they are dropped; by default beside the journal.",
    ),
    click.option(
        "--health-url", "health_urls", multiple=True, metavar="URL",
        help="Ask this through the fix, five times a second: three bad answers in a row before the entries are dropped "
        "put everything back. May be given several times. With several targets {target} and {host} stand for each "
        "one's.",
    ),
    click.option(
        "--health-latency", type=Duration(), metavar="TIME",
        help="An answer slower than this is bad; by default three times the slowest of ten before, at least 250 ms "
        "more.",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AgentWish:
    """What the user asks of a fix by the agent."""

    max_lock_hold_ms: int | None
    hold_seconds: int | None
    backup: Path | None
    health_urls: tuple[str, ...]
    health_latency_seconds: float | None

    def require_sense(self, *, no_backup: bool, in_rings: bool) -> None:
        """Raise UsageError where the words contradict each other, OutputExists where the backup is there already."""
        for url in () if in_rings else self.health_urls:
            if not url.startswith(("http://", "https://")):
                raise UsageError(f"--health-url {url!r} does not begin with http:// or https://")
        if self.backup and no_backup:
            raise UsageError("--backup and --no-backup exclude each other")
        if self.backup:
            require_writable(self.backup, force=False)


def agent_options(command: F) -> F:
    """Add the options of a service with an agent; the command gets them as one ``agent``."""

    @functools.wraps(command)
    def wishing(
        *words: Any, max_lock_hold: int | None, hold: int | None, backup: Path | None, health_urls: tuple[str, ...],
        health_latency: float | None, **more: Any,
    ) -> Any:  # fmt: skip
        wish = AgentWish(max_lock_hold, hold, backup, health_urls, health_latency)
        return command(*words, agent=wish, **more)

    for option in reversed(_OPTIONS):
        wishing = option(wishing)
    return wishing  # type: ignore[return-value]
