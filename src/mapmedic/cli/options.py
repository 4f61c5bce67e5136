"""Options that several commands share."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mapmedic.errors import UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
MAX_DURATION_SECONDS = 24 * 3600.0
MAX_SECRET_BYTES = 4096


class Duration(click.ParamType[float]):
    """A length of time: 30s, 2m, 1.5h, 500ms; a bare number is seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds that ``value`` means."""
        if isinstance(value, int | float):
            return float(value)
        match = _DURATION.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is not a duration; say 30s, 2m or 500ms", param, ctx)
        seconds = float(match.group(1)) * _SECONDS[match.group(2)]
        if seconds > MAX_DURATION_SECONDS:
            self.fail(f"{value!r} is longer than a day", param, ctx)
        return seconds


def examples(*lines: str) -> str:
    """Return the epilog of a command's help: what to type, as it stands."""
    return "\n".join(("\b", "Examples:", *(f"  mapmedic {line}" for line in lines)))


def complete_files(_context: click.Context, _parameter: click.Parameter, start: str) -> list[CompletionItem]:
    """Tell the shell that a target may be a file: it lists those itself."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell that completes pays for it

    return [CompletionItem(start, type="file")]


def json_option(command: F) -> F:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print the JSON contract on stdout.")(command)


def force_option(command: F) -> F:
    """Add --force."""
    return click.option("--force", is_flag=True, help="Replace an output file that exists.")(command)


def window_options(default: str) -> Callable[[F], F]:
    """Add what says how long to look, ``default`` unless told: --for, --visits, --gc."""

    def add(command: F) -> F:
        command = click.option(
            "--gc", "force_gc", is_flag=True,
            help="Let each capture force a GC in the target (gc=1): a heap profile only moves when one completes.",
        )(command)  # fmt: skip
        command = click.option(
            "--visits",
            type=click.IntRange(2, 100),
            default=4,
            show_default=True,
            help="Captures within --for.",
        )(command)
        return click.option(
            "--for", "seconds", type=Duration(), default=default, show_default=True,
            help="Watch a live target this long (30s, 2m) to measure growth; 0 looks once.",
        )(command)  # fmt: skip

    return add


def html_option(command: F) -> F:
    """Add --html."""
    return click.option(
        "--html", type=click.Path(path_type=Path), help="Also write a self-contained HTML report."
    )(command)


def pprof_option(command: F) -> F:
    """Add --pprof."""
    return click.option(
        "--pprof", type=click.Path(path_type=Path),
        help="Also write the heap for go tool pprof, with the runtime frames that pprof never shows.",
    )(command)  # fmt: skip


def by_option(command: F) -> F:
    """Add --by."""
    return click.option(
        "--by", type=click.Choice(["owner", "declared"]), default="owner", show_default=True,
        help="A row for each owner, or for all instances of one declared owner together.",
    )(command)  # fmt: skip


def pause_option(command: F) -> F:
    """Add --max-pause."""
    return click.option(
        "--max-pause", "max_pause_ms", type=click.FloatRange(0.1, 60_000), default=200.0, show_default=True,
        metavar="MS", help="For how long a process (pid:N) may stand still each time it is looked into.",
    )(command)  # fmt: skip


def exe_option(command: F) -> F:
    """Add --exe."""
    return click.option(
        "--exe", type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="The service's program file, stripped or not: names runtime frames where the service did not.",
    )(command)  # fmt: skip


def token_option(command: F) -> F:
    """Add --token-file; the token itself is never an argument, where every user of the machine can read it."""
    return click.option(
        "--token-file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="File with the agent's token; by default the environment variable MAPMEDIC_TOKEN.",
    )(command)  # fmt: skip


def read_token(token_file: Path | None) -> str | None:
    """Return the agent's token, None where there is none; UsageError where it cannot be one."""
    return read_secret(token_file, "MAPMEDIC_TOKEN", "a token")


def read_secret(file: Path | None, variable: str, what: str) -> str | None:
    """Return the one line in ``file``, else in the environment ``variable``; None where there is none.

    UsageError, which does not repeat it, where it cannot be ``what`` it should be.
    """
    if file is None:
        # os.environb: a byte that is not UTF-8 must not come back as something else.
        raw, where = os.environb.get(variable.encode(), b""), f"the environment variable {variable}"
        if not raw.strip():
            return None
    else:
        raw, where = _read_start(file), str(file)
    secret = raw.decode("utf-8", "replace").strip()
    # What is wrong with it is not said by showing it.
    if not secret or len(raw) > MAX_SECRET_BYTES or not secret.isprintable() or "\ufffd" in secret:
        raise UsageError(f"{where} does not hold {what}: one printable line of at most 4 KiB")
    return secret


def _read_start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
