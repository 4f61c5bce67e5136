"""A journal: one JSON object a line. The last line of one whose writer was killed may be cut short."""

from __future__ import annotations

import json
from collections.abc import Mapping

from mapmedic.errors import FormatError
from mapmedic.formats.agent import whole_number
from mapmedic.model.journal import JournalEvent, JournalLines

JOURNAL_SCHEMA = "mapmedic.journal/1"
MAX_JOURNAL_BYTES = 64 << 20
_WHAT = "journal"


def encode_event(at_unix_ns: int, name: str, facts: Mapping[str, object]) -> bytes:
    """Return one event as a line; what JSON has not is written as a text."""
    line = {"schema": JOURNAL_SCHEMA, "at_unix_ns": at_unix_ns, "event": name, **facts}
    return (json.dumps(line, default=str) + "\n").encode()


def parse_journal(data: bytes) -> JournalLines:
    """Return the events in ``data``; FormatError where its first line is none, or there is too much of it."""
    if len(data) > MAX_JOURNAL_BYTES:
        raise FormatError(_WHAT, f"longer than {MAX_JOURNAL_BYTES:,} bytes")
    lines = data.split(b"\n")
    events, damaged, at = [], 0, 0
    for number, line in enumerate(lines):
        event = parse_event(line) if line else None
        if event is not None:
            events.append(event)
        elif number == 0:
            raise FormatError(_WHAT, f"its first line is not one of {JOURNAL_SCHEMA}", at)
        elif line:
            damaged += 1
        at += len(line) + 1
    return JournalLines(tuple(events), damaged, is_cut=bool(lines[-1]))


def parse_event(line: bytes) -> JournalEvent | None:
    """Return the event that ``line`` is; None where it makes no sense, as one that was cut short."""
    try:
        facts = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(facts, dict) or facts.pop("schema", None) != JOURNAL_SCHEMA:
        return None
    at, name = whole_number(facts.pop("at_unix_ns", None)), facts.pop("event", None)
    return JournalEvent(at, name, facts) if at is not None and isinstance(name, str) else None
