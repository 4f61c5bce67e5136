"""mapmedic heap TARGET."""

from __future__ import annotations

from pathlib import Path

import click

from mapmedic.cli.connection import connection_options
from mapmedic.cli.options import by_option, examples, force_option, json_option, pause_option
from mapmedic.cli.output import require_writable
from mapmedic.errors import UsageError
from mapmedic.model.connection import Connection
from mapmedic.model.units import MIB


@click.command(
    "heap",
    epilog=examples(
        "heap 1234",
        "heap pid:1234 --snapshot freeze --json",
        "heap core:core.1234",
        "heap 1234 --entries main.mgr.sessions",
    ),
)
@click.argument("target")
@click.option(
    "--snapshot",
    type=click.Choice(["fork", "freeze", "live"]),
    help="fork: read a frozen copy, the process runs on at once. freeze: it stands still while it is read. "
    "live: it runs meanwhile, and what was written to is read again in a short stop, or left out and listed. "
    "Default: fork, where that keeps the two limits below.",
)
@pause_option
@click.option(
    "--memory-floor",
    "memory_floor_mib",
    type=click.IntRange(0, 1 << 30),
    default=64,
    show_default=True,
    metavar="MIB",
    help="How much memory a frozen copy must leave free to the process and to us; below it is killed.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    help="How many maps are listed, or entries of one: 20, and with --json all maps, where it is not given.",
)
@click.option(
    "--exe",
    type=click.Path(path_type=Path),
    help="The program of a core, where it is neither at the place that the core names nor beside the core.",
)
@click.option(
    "--entries",
    "entries_of",
    metavar="OWNER",
    help="Show what is in one map: keys and values, keys in groups, values by age. OWNER is a name or its end, or 0x…",
)
@click.option(
    "--paths",
    "paths_of",
    metavar="OWNER",
    help="Show who holds one map: the shortest way from a root, with what each object on it retains, and others.",
)
@click.option(
    "--redact", is_flag=True, help="With --entries and --paths: hashes in the place of keys and values."
)
@by_option
@click.option(
    "--pprof",
    type=click.Path(path_type=Path),
    help="Also write who holds the live heap for go tool pprof: owners as stacks, retained bytes, entries as objects.",
)
@click.option(
    "--against",
    metavar="URL",
    help="Hold what is read against what the same process says of its heap: its net/http/pprof URL.",
)
@connection_options
@force_option
@json_option
def command(
    target: str, snapshot: str | None, max_pause_ms: float, memory_floor_mib: int, limit: int | None, exe: Path | None,
    entries_of: str | None, paths_of: str | None, redact: bool, by: str, pprof: Path | None, against: str | None,
    connection: Connection, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """List every map in a live Go process or a core of one: whose it is, how many entries, what it holds.

    TARGET is a process on this machine (1234 or pid:1234), a core (core:PATH), or a file that keeps an inventory
    (a session of a process, or what --json printed); no agent, no endpoint and no
    symbols are needed. Its memory is only read. A process stands still for the time that a fork takes, some
    milliseconds for each hundred MiB.
    """
    from mapmedic.cli.heap_looks import (  # noqa: PLC0415 - imported late so that --help stays quick
        Reading,
        show_entries,
        show_holders,
        show_inventory,
    )

    if pprof is not None:
        require_writable(pprof, force=force)
    _require_one_look(entries_of, paths_of, redact=redact, of_all={"--pprof": pprof, "--against": against})
    reading = Reading(
        snapshot=snapshot, max_pause_ms=max_pause_ms, memory_floor_bytes=memory_floor_mib * MIB, exe=exe
    )
    if paths_of is not None:
        show_holders(target, paths_of, reading, redact=redact, as_json=as_json)
    elif entries_of is not None:
        show_entries(target, entries_of, reading, limit=limit, redact=redact, as_json=as_json)
    else:
        show_inventory(
            target, reading, against, connection, limit=limit, by_declared=by == "declared", as_json=as_json,
            pprof=pprof, force=force,
        )  # fmt: skip


def _require_one_look(
    entries_of: str | None, paths_of: str | None, *, redact: bool, of_all: dict[str, object]
) -> None:
    if entries_of is not None and paths_of is not None:
        raise UsageError("--entries and --paths are two looks at a map; ask for one at a time")
    if redact and entries_of is None and paths_of is None:
        raise UsageError("--redact goes with --entries OWNER or --paths OWNER")
    for option, value in of_all.items():
        if value is not None and (entries_of is not None or paths_of is not None):
            raise UsageError(f"{option} goes with the whole inventory, not with --entries or --paths")
