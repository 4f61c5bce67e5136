"""A journal that was read: what happened, how far it got, and what it cannot tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class JournalEvent:
    """One line: when, in Unix nanoseconds, which event, and its own facts as they stand there."""

    at_unix_ns: int
    name: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JournalLines:
    """The events of a journal; ``damaged`` lines make no sense, the last of which ``is_cut`` short."""

    events: tuple[JournalEvent, ...]
    damaged: int
    is_cut: bool


class Reached(StrEnum):
    """How far it got. UNTOUCHED: nothing was changed. UNKNOWN: whether something was cannot be told from the journal.

    INTERRUPTED: something was changed, and what had to follow did not.
    """

    RUNNING = "running"
    UNTOUCHED = "untouched"
    UNKNOWN = "unknown"
    INTERRUPTED = "interrupted"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file of entries that the journal names: where it is by now, None where it is not there."""

    named: str
    path: str | None
    entries: int | None


@dataclass(frozen=True, slots=True)
class JournalStory:
    """What a journal tells: of what, to whom, step by step, how far it got, in a sentence, and what nobody knows.

    ``next``: what to do about that, a command or a sentence.
    """

    path: str
    what: str
    target: str
    steps: tuple[tuple[int, str], ...]
    reached: Reached
    verdict: str
    cannot_tell: tuple[str, ...]
    next: tuple[str, ...]
    files: tuple[SavedFile, ...]
