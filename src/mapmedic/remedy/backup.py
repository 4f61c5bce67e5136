"""The entries go to a file before they are dropped; what that needs is looked at before anything is touched."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mapmedic
from mapmedic.capture.agent import AgentLink
from mapmedic.capture.backup_file import BackupWriter
from mapmedic.errors import BackupFailed, CouldNotLook, MapmedicError
from mapmedic.model.backup import Backup, BackupHeader
from mapmedic.model.remedy import BackupPlan, Condition, FixPlan
from mapmedic.model.units import MIB, UnixNanoseconds
from mapmedic.remedy.journal import Journal

DEFAULT_HOLD_SECONDS = 60
# What agents allow unless the service says otherwise (docs/reference/agent-api.yaml, hold_seconds).
MAX_HOLD_SECONDS = 600
# JSON names every field and writes bytes as base64 (4/3): more than the heap holds, seldom twice as much.
_BYTES_PER_HEAP_BYTE = 1.5
_BYTES_PER_ENTRY = 100
# A tenth of what a stream makes over loopback: a slow network or a busy service is no reason to fail.
_SLOWEST_BYTES_PER_SECOND = 8 * MIB


def plan_backup(
    answer: Mapping[str, Any], folder: Path, path: Path | None, heap_bytes: int | None, share: float | None
) -> BackupPlan:
    """Return where a backup goes and what it needs; ``share`` of ``heap_bytes`` is reckoned to be the entries."""
    folder = path.parent if path else folder
    round_trip = answer.get("round_trip")
    lossless, losses = _losses(round_trip)
    return BackupPlan(
        folder=str(folder),
        path=str(path) if path else None,
        estimate_bytes=_estimate(heap_bytes, share, answer.get("entries")),
        free_bytes=free_bytes(folder),
        lossless=lossless,
        losses=losses,
        same_process=isinstance(round_trip, dict) and round_trip.get("same_process") is True,
    )


def _losses(round_trip: object) -> tuple[bool, tuple[str, ...]]:
    if not isinstance(round_trip, dict) or not isinstance(round_trip.get("losses"), list):
        return False, ("the agent does not say what is lost",)
    return round_trip.get("lossless") is True, tuple(map(str, round_trip["losses"]))


def _estimate(heap_bytes: int | None, share: float | None, entries: object) -> int | None:
    if heap_bytes is None:
        return None
    part = 1.0 if share is None else min(1.0, share)
    names = _BYTES_PER_ENTRY * entries if isinstance(entries, int) else 0
    return int((heap_bytes * _BYTES_PER_HEAP_BYTE + names) * part)


def free_bytes(folder: Path) -> int | None:
    """Return what the disk under ``folder``, or under where it will be made, has left; None where nobody says."""
    for there in (folder, *folder.absolute().parents):
        try:
            disk = os.statvfs(there)
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            return None
        return disk.f_bavail * disk.f_frsize
    return None


def hold_for(wanted: int | None, backup: BackupPlan | None) -> int:
    """Return how many seconds the entries are held: what is ``wanted``, or what the backup may take."""
    if wanted is not None:
        return wanted
    needed = math.ceil(((backup and backup.estimate_bytes) or 0) / _SLOWEST_BYTES_PER_SECOND)
    return max(DEFAULT_HOLD_SECONDS, min(needed, MAX_HOLD_SECONDS))


def backup_condition(backup: BackupPlan) -> Condition:
    """Return whether the disk has room for the backup."""
    if backup.estimate_bytes is None or backup.free_bytes is None:
        return Condition(
            "room for the backup", True, "not known; if the disk fills up, everything is put back"
        )
    figures = (
        f"{math.ceil(backup.estimate_bytes / MIB):,} MiB are reckoned with, "
        f"{backup.free_bytes // MIB:,} MiB are free in {backup.folder}"
    )
    enough = backup.free_bytes >= backup.estimate_bytes
    advice = "" if enough else " (--backup FILE on a larger disk, or --no-backup)"
    return Condition("room for the backup", enough, figures + advice)


async def take_backup(
    link: AgentLink, operation: Mapping[str, Any], plan: FixPlan, journal: Journal
) -> Backup | None:
    """Save what ``operation`` took out and return the file, None where ``plan`` wants none.

    BackupFailed where it is not whole for whatever reason; there is no file then.
    """
    if plan.backup is None:
        return None
    path = Path(plan.backup.path) if plan.backup.path else journal.path.with_suffix(".backup")
    header = _header(link, operation, plan, plan.backup)
    journal.write("backing_up", operation=header.operation, path=str(path))
    try:
        backup = await _stream(link, header, path, plan.hold_seconds)
    except MapmedicError as error:
        raise BackupFailed(str(path), str(error)) from error
    end = backup.end
    facts = {"entries": end.entries, "bytes": backup.bytes, "sha256": end.sha256, "lossless": header.lossless}
    journal.write("backed_up", operation=header.operation, path=backup.path, **facts)
    return backup


async def _stream(link: AgentLink, header: BackupHeader, path: Path, seconds: float) -> Backup:
    with BackupWriter(path, header) as writer:
        end = await link.stream_entries(
            header.operation, writer.write, lossy=not header.lossless, seconds=seconds
        )
        if end.unencodable:
            raise CouldNotLook(
                f"{end.unencodable:,} entries cannot be written "
                f"({end.first_unencodable or 'over 8 MiB, nested too deeply, or a time out of range'}); "
                "--no-backup goes without, evict leaves them where they are"
            )
        if end.lossy and header.lossless:
            raise CouldNotLook("the agent cut the entries though that was not asked for")
        if end.entries != header.entries:
            raise CouldNotLook(f"{end.entries:,} entries came, {header.entries:,} had been taken out")
        return await asyncio.to_thread(
            writer.finish, end
        )  # a slow disk must not stop the watch over the service


def _header(link: AgentLink, operation: Mapping[str, Any], plan: FixPlan, backup: BackupPlan) -> BackupHeader:
    entries = operation.get("entries")
    return BackupHeader(
        map=plan.map,
        kind=plan.kind,
        type=plan.type,
        target=plan.target,
        strategy=plan.strategy,
        operation=str(operation.get("id")),
        entries=entries if isinstance(entries, int) else 0,
        lossless=backup.lossless,
        losses=backup.losses,
        by=link.by,
        taken_at=UnixNanoseconds(time.time_ns()),
        tool_version=mapmedic.__version__,
    )
