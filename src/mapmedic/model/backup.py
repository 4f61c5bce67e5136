"""A copy of entries that left a map, as a file: what it is of, and whether it is whole."""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.model.units import UnixNanoseconds


@dataclass(frozen=True, slots=True)
class BackupHeader:
    """What a backup is of; written at its start, before the first entry arrives.

    ``entries`` is what the agent took out. ``losses`` names what the entries' types lose in a file.
    """

    map: str
    kind: str
    type: str
    target: str
    strategy: str
    operation: str
    entries: int
    lossless: bool
    losses: tuple[str, ...]
    by: str
    taken_at: UnixNanoseconds
    tool_version: str


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """The trailer of a stream of entries, checked; ``unencodable`` entries could not be written.

    ``first_unencodable`` is why the first of them could not, "" where the agent does not say. ``lossy``: null stands
    for what could not be carried; None where the agent is too old to say.
    """

    entries: int
    unencodable: int
    sha256: str
    first_unencodable: str = ""
    lossy: bool | None = False


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup on the disk, read or written to its checked end; ``bytes`` is the size of the file."""

    path: str
    header: BackupHeader
    end: StreamEnd
    bytes: int

    @property
    def whole(self) -> bool:
        """Tell whether every entry that was taken out is in it."""
        return self.end.unencodable == 0 and self.end.entries == self.header.entries
