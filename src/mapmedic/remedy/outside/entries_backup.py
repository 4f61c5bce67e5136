"""What a map holds goes to the disk before it is changed, and what came in between after that.

The saved entries are those of the copy in which the map was found, and the map lives on until the write. So the process
is copied once more: in the stop of the write, right before it, where a fork fits into that stop (``last_look``), else
right after it. What the two copies differ in is the difference.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import mapmedic
from mapmedic.capture.entries_file import DIFFERENCE_SUFFIX, EntriesWriter
from mapmedic.errors import CouldNotLook, EntriesNotSaved, MapmedicError
from mapmedic.goheap.entry_texts import EncodedEntries, EntryTexts, Words
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.map_locks import GUARD_THEMSELVES
from mapmedic.goheap.raw_texts import RawTexts
from mapmedic.memory.process import exe_path, started_ticks
from mapmedic.memory.reader import Memory
from mapmedic.memory.stop import Stop
from mapmedic.model.acted import Stage
from mapmedic.model.inventory import Limits, MapInstance
from mapmedic.model.safe_moment import Safe, Unsafe
from mapmedic.model.saved_entries import EntriesPlan, EntryBounds, SavedDifference, SavedEntries, SavedHeader
from mapmedic.model.units import MIB, UnixNanoseconds
from mapmedic.remedy.backup import free_bytes
from mapmedic.remedy.boot import boot_id
from mapmedic.remedy.journal import Journal, note
from mapmedic.remedy.outside.difference import Hashes, compare
from mapmedic.remedy.outside.evict import Eviction
from mapmedic.remedy.outside.last_look import LastLook, Progress
from mapmedic.remedy.outside.way import Act

SAVING, SAVED, NOT_SAVED = "outside.saving", "outside.saved", "outside.not_saved"
DIFFERING, DIFFERED = "outside.saving_difference", "outside.difference_saved"
NOT_DIFFERED = "outside.difference_unknown"
LET_GO = "outside.saved_let_go"

# How much more than what is reckoned with the disk must have.
_MARGIN, _LEAST_ROOM = 1.25, 16 * MIB


class EntriesBackup:
    """The entries of ``map_`` of ``heap``, kept in files beside a journal.

    ``save`` before the first stop, ``remember`` in each stop that writes, ``save_difference`` behind the last.
    ``redacted``: hashes in the place of what keys and values say. ``limits`` are those of the copy after the write.
    ``look`` is the look right before the write; several backups of one process share one.
    ``only``: where entries go one by one, those that it has chosen are saved and no others; those of them that stayed
    count as gone in the difference. Where nothing tells what its keys and values are, the bytes of the map's own parts
    stand for the entries.
    """

    def __init__(
        self,
        heap: GoHeap,
        map_: MapInstance,
        *,
        redacted: bool = False,
        build_id: str | None = None,
        limits: Limits | None = None,
        progress: Progress | None = None,
        only: Eviction | None = None,
    ) -> None:
        self._heap, self._map, self._only = heap, map_, only
        self._redacted, self._build_id = redacted, build_id
        self._limits = limits or Limits()
        self._progress = progress or (lambda _what, _share: None)
        self._texts: EntryTexts | RawTexts = EntryTexts(heap, map_, EntryBounds(), redacted=redacted)
        self._places = (
            self._texts.places(heap.memory)
            if only is None
            else only.plan.places(heap.memory, only.plan.chosen)
        )
        if self._places is None and only is None and map_.design not in GUARD_THEMSELVES:
            self._texts = RawTexts(heap, map_, redacted=redacted)
            self._places = self._texts.places(heap.memory)
        self._hashes = Hashes()
        self.look = LastLook(heap, self._limits, self._progress)
        self._saved: SavedEntries | None = None

    def plan(self, folder: Path) -> EntriesPlan:
        """Return what saving the entries in ``folder`` would take; nothing is written."""
        keys, elems = self._found()
        needed = self._texts.frame_bytes(self._heap.memory, keys, elems)
        free, is_raw = free_bytes(folder), self._texts.is_raw
        return EntriesPlan(str(folder), len(keys), int(needed * _MARGIN) + _LEAST_ROOM, free, is_raw)

    def save(self, journal: Journal, field: str = "") -> SavedEntries:
        """Save what the map held in the copy in which it was found; all of it is on the disk when this returns.

        ``field``: the name of the field whose map it is, where there are several.

        EntriesNotSaved, with no file left, where the disk is full or the entries cannot be read.
        """
        path = journal.path.with_suffix(f".{field}.entries" if field else ".entries")
        try:
            self._require_room(path.parent)
            journal.write(SAVING, path=str(path), entries=len(self._found()[0]), raw=self._texts.is_raw)
            saved = self._save(path)
        except (MapmedicError, OSError) as error:
            note(journal, NOT_SAVED, path=str(path), why=str(error))
            raise EntriesNotSaved(str(path), str(error)) from error
        self._saved = saved
        journal.write(
            SAVED, path=saved.path, entries=saved.entries, bytes=saved.bytes, sha256=saved.sha256, cut=saved.cut,
            unreadable=saved.unreadable, copied_at_unix_ns=saved.copied_at, redacted=self._redacted,
            raw=saved.is_raw,
        )  # fmt: skip
        self.look.prepare()
        return saved

    def let_go(self, journal: Journal) -> None:
        """Take away what was saved: the map was not changed, and what it holds is in nobody's way."""
        self.look.let_go()
        if self._saved is not None:
            with suppress(OSError):
                Path(self._saved.path).unlink()
                note(journal, LET_GO, path=self._saved.path)

    def remember(self, held: Stop, _moment: Safe, act: Act) -> Unsafe | None:
        """Keep what ``act`` is about to write over; called in the stop. Unsafe where the stop is over."""
        return self.look.before_write(held, act)

    def written(self, _stage: Stage) -> None:
        """Take note that what was remembered last has been written."""
        self.look.written()

    def save_difference(self, journal: Journal, field: str = "") -> SavedDifference:
        """Save what came, changed or went between ``save`` and the write; what cannot be told is said, not raised."""
        note(journal, DIFFERING)
        try:
            found = self._differ(journal.path.with_suffix(f"{field and f'.{field}'}{DIFFERENCE_SUFFIX}"))
        except (MapmedicError, OSError) as error:
            found = self._unknown(str(error))
        facts = {"added": found.added, "changed": found.changed, "gone": found.gone, "path": found.path}
        if found.is_exact:
            note(journal, DIFFERED, **facts, within_ms=found.within_ms)
        else:
            note(journal, NOT_DIFFERED, why=found.why, within_ms=found.within_ms)
        return found

    def _found(self) -> tuple[Words, Words]:
        if self._places is None:
            raise CouldNotLook("where its keys and values lie cannot be told")
        return self._places

    def _require_room(self, folder: Path) -> None:
        plan, what = self.plan(folder), "pieces" if self._texts.is_raw else "entries"
        if plan.free_bytes is not None and plan.free_bytes < plan.estimate_bytes:
            raise CouldNotLook(
                f"{math.ceil(plan.estimate_bytes / MIB):,} MiB are reckoned with for {plan.entries:,} {what}, "
                f"{plan.free_bytes // MIB:,} MiB are free in {folder}"
            )

    def _save(self, path: Path) -> SavedEntries:
        keys, elems = self._found()
        header, cut, unreadable = self._header(len(keys), None), 0, 0
        with EntriesWriter(path, header) as writer:
            for encoded in self._encoded(self._heap.memory, keys, elems, "saving entries"):
                writer.write(encoded.frames, encoded.ends.tolist())
                self._hashes.add(encoded)
                cut, unreadable = cut + encoded.cut, unreadable + encoded.unreadable
            sha256 = writer.finish(lossy=bool(cut or unreadable))
            return SavedEntries(
                str(path), len(keys), writer.bytes, sha256, cut, unreadable, header.copied_at, header.is_raw
            )

    def _encoded(self, memory: Memory, keys: Words, elems: Words, what: str) -> Iterator[EncodedEntries]:
        for begin in range(0, len(keys), self._texts.batch):
            self._progress(what, begin / len(keys))
            part = slice(begin, begin + self._texts.batch)
            yield self._texts.encode(memory, keys[part], elems[part])

    def _differ(self, path: Path) -> SavedDifference:
        """Save what is not in the first copy, or is different there."""
        memory, why = self.look.memory()
        if memory is None:
            return self._unknown(why)
        only = self._only
        places = self._texts.places(memory) if only is None else only.plan.places(memory, only.went)
        if places is None:
            return self._unknown("what the map led to could not be followed in the later copy")
        return self._save_differing(path, memory, *places)

    def _save_differing(self, path: Path, memory: Memory, keys: Words, elems: Words) -> SavedDifference:
        hashes = Hashes()
        for encoded in self._encoded(memory, keys, elems, "comparing entries"):
            hashes.add(encoded)
        found = compare(self._hashes, hashes)
        changed = int((found.was >= 0).sum())
        added, gone = len(found.new) - changed, len(found.gone)
        if added or changed or gone:
            base = str(self._saved.path) if self._saved else None
            with EntriesWriter(path, self._header(len(found.new) + gone, base)) as writer:
                news = self._encoded(memory, keys[found.new], elems[found.new], "saving the difference")
                was = iter(found.was.tolist())
                for encoded in news:
                    for index in range(len(encoded.ends)):
                        writer.write_one(_new(encoded.payload(index), next(was)))
                for number in found.gone.tolist():
                    writer.write_one(b'{"gone":%d}' % number)
                writer.finish(lossy=False)
        is_any = bool(added or changed or gone)
        return SavedDifference(str(path) if is_any else None, added, changed, gone, True, "", self._within_ms)

    @property
    def _within_ms(self) -> float:
        """Return for how long before the write the saved entries had been copied."""
        if not self.look.at_unix_ns or self._saved is None:
            return 0.0
        return (self.look.at_unix_ns - self._saved.copied_at) / 1e6

    def _unknown(self, why: str) -> SavedDifference:
        return SavedDifference(None, 0, 0, 0, False, why, self._within_ms)

    @property
    def _pid(self) -> int:
        pid = self._heap.memory.pid
        if pid is None:
            raise CouldNotLook("it is no process of this machine that the entries are of")
        return pid

    @property
    def _owner(self) -> str:
        """Return who holds the map; a path may say keys of other maps."""
        return self._map.declared or f"{self._map.address:#x}" if self._redacted else self._map.owner

    def _header(self, entries: int, base: str | None) -> SavedHeader:
        copied_at = self.look.at_unix_ns if base else self._heap.memory.taken_at_unix_ns
        return SavedHeader(
            pid=self._pid,
            started_ticks=started_ticks(self._pid),
            boot=boot_id(),
            program=exe_path(self._pid),
            build_id=self._build_id,
            owner=self._owner,
            type=self._map.type,
            design=self._map.design,
            address=self._map.address,
            key_type=self._texts.key_type,
            value_type=self._texts.value_type,
            entries=entries,
            is_redacted=self._redacted,
            is_difference=base is not None,
            base=base,
            copied_at=UnixNanoseconds(copied_at or 0),
            bounds=EntryBounds(),
            tool_version=mapmedic.__version__,
            is_raw=self._texts.is_raw,
        )


def _new(payload: bytes, was: int) -> bytes:
    return b'{"entry":%s%s}' % (payload, b"" if was < 0 else b',"was":%d' % was)
