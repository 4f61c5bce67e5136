"""The options of a fix in many targets; the command gets them as one ``rings``."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from mapmedic.cli.options import Duration
from mapmedic.errors import CannotRead, UsageError

F = TypeVar("F", bound=Callable[..., Any])
_CANARY = "1,10%,50%,100%"
_MOST_LIST_BYTES = 4 << 20
_OPTIONS = (
    click.option(
        "--canary", is_flag=True,
        help=f"With several targets: fix one, watch it, then go on in rings; the same as --rings {_CANARY}.",
    ),
    click.option(
        "--rings", metavar="SIZES",
        help="How many targets are to be done after each ring: numbers, or shares of all (1,5,25%,100%).",
    ),
    click.option(
        "--bake", type=Duration(), default="60s", show_default=True,
        help="How long what is fixed is watched before the next ring.",
    ),
    click.option(
        "--resume", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="JOURNAL",
        help="Go on with a roll-out that stopped: what it is done with is not done again.",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RingsWish:
    """What the user asks of a roll-out."""

    sizes: str | None
    bake_seconds: float
    resume: Path | None

    def concerns(self, targets: tuple[str, ...]) -> bool:
        """Tell whether ``targets`` are to be fixed in rings; UsageError where several are named and nobody said so."""
        several = len(targets) > 1 or any(each.startswith("@") for each in targets)
        if several and self.sizes is None:
            raise UsageError(
                f"several targets are fixed in rings: add --canary ({_CANARY}), or --rings SIZES"
            )
        if self.resume and self.sizes is None:
            raise UsageError(
                "--resume goes with --canary or --rings, and the targets as they were named then"
            )
        return self.sizes is not None


def rollout_options(command: F) -> F:
    """Add --canary, --rings, --bake and --resume; the command gets them as one ``rings``."""

    @functools.wraps(command)
    def ringing(
        *words: Any, canary: bool, rings: str | None, bake: float, resume: Path | None, **more: Any
    ) -> Any:
        sizes = rings if rings is not None else _CANARY if canary else None
        return command(*words, rings=RingsWish(sizes, bake, resume), **more)

    for option in reversed(_OPTIONS):
        ringing = option(ringing)
    return ringing  # type: ignore[return-value]


def named_in(targets: tuple[str, ...]) -> list[str]:
    """Return the lines that ``targets`` are: @FILE and @- (standard input) for many, one a line."""
    return [line for word in targets for line in (_lines(word[1:]) if word.startswith("@") else [word])]


def _lines(path: str) -> list[str]:
    try:
        if path == "-":
            raw = sys.stdin.buffer.read(_MOST_LIST_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                raw = file.read(_MOST_LIST_BYTES + 1)
    except OSError as error:
        raise CannotRead(path, error.strerror or str(error)) from error
    if len(raw) > _MOST_LIST_BYTES:
        raise UsageError(f"{path} is too long for a list of targets")
    return raw.decode("utf-8", "replace").splitlines()
