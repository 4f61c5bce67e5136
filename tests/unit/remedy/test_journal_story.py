"""What a journal tells, of a run that ended by itself and of one that was killed after any line."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapmedic.api import export_entries
from mapmedic.errors import CouldNotLook, FormatError
from mapmedic.formats.journal import parse_journal
from mapmedic.model.journal import Reached
from mapmedic.remedy.journal import Journal
from mapmedic.remedy.journal_steps import _SENTENCES, sentence
from mapmedic.remedy.journal_story import tell_journal
from mapmedic.report.journal import journal_json
from mapmedic.report.json_output import dump
from tests.soak.kill_table import STAGES
from tests.support.command import schema, validate

# A fix from outside, and what is known when it was killed right after each.
OUTSIDE = (
    ("outside.planned", Reached.UNTOUCHED), ("outside.saving", Reached.UNTOUCHED),
    ("outside.saved", Reached.UNTOUCHED), ("outside.writing", Reached.UNKNOWN),
    ("outside.written", Reached.INTERRUPTED), ("outside.saving_difference", Reached.INTERRUPTED),
    ("outside.difference_saved", Reached.INTERRUPTED), ("collections.begun", Reached.INTERRUPTED),
    ("collections.restored", Reached.INTERRUPTED), ("proved", Reached.DONE),
)  # fmt: skip


def written(folder: Path, *names: str) -> Path:
    journal = Journal(folder, "m")
    for name in names:
        journal.write(name, pid=7, entries=3)
    journal.close()
    return journal.path


@pytest.mark.parametrize("names", [_SENTENCES, STAGES], ids=["told", "of kills"])
def test_each_event_is_one_of_the_contract(names: dict[str, object]) -> None:
    assert {*names} - {""} <= {*schema("journal-1.json")["properties"]["event"]["enum"]}


@pytest.mark.parametrize("lines", range(1, len(OUTSIDE) + 1))
def test_a_fix_that_was_killed_after_each_line(tmp_path: Path, lines: int) -> None:
    path = written(tmp_path, *(name for name, _ in OUTSIDE[:lines]))
    story = tell_journal(path)
    assert story.reached is OUTSIDE[lines - 1][1] and len(story.steps) == lines
    validate(json.loads(dump(journal_json(story))))
    asks_for_repair = OUTSIDE[lines - 1][0] == "collections.begun"
    assert any("--repair" in each for each in story.next) is asks_for_repair
    lost = OUTSIDE[lines - 1][0] in ("outside.written", "outside.saving_difference")
    assert any("before that was saved" in each for each in story.cannot_tell) is lost


def test_a_stop_in_which_nothing_was_written_after_all_leaves_no_doubt(tmp_path: Path) -> None:
    refused = ("outside.writing", "outside.not_written")
    assert tell_journal(written(tmp_path, "outside.planned", *refused)).reached is Reached.UNTOUCHED
    batches = ("outside.writing", "outside.written", *refused)
    assert tell_journal(written(tmp_path, "outside.planned", *batches)).reached is Reached.INTERRUPTED


def test_a_batch_of_which_nobody_knows_is_told_whatever_came_after(tmp_path: Path) -> None:
    batches = ("outside.writing", "outside.written", "outside.writing", "outside.unknown")
    first = tell_journal(written(tmp_path / "1", "outside.planned", *batches))
    later = tell_journal(written(tmp_path / "2", "outside.planned", *batches, "proved"))
    assert (first.reached, later.reached) == (Reached.UNKNOWN, Reached.DONE)
    assert all(any("last stop's writes" in each for each in one.cannot_tell) for one in (first, later))


def test_cut_at_every_byte_it_is_told_or_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "outside.planned", "outside.saved", "outside.writing")
    whole = path.read_bytes()
    first = whole.index(b"\n")
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        if length < first:
            with pytest.raises(FormatError):
                tell_journal(path)
        else:
            cut = not whole[:length].endswith(b"\n")
            assert any("cut short" in each for each in tell_journal(path).cannot_tell) is cut


def test_entries_that_were_taken_away_are_not_missed(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "m")
    journal.write("outside.planned")
    journal.write("outside.saved", path=str(tmp_path / "m.entries"), entries=3)
    journal.write("refused", why="no moment")
    journal.write("outside.saved_let_go", path=str(tmp_path / "m.entries"))
    journal.close()
    story = tell_journal(journal.path)
    assert (story.reached, story.files) == (Reached.UNTOUCHED, ())
    with pytest.raises(CouldNotLook, match="no entries were saved"):
        export_entries(journal.path)


def test_whose_writer_lives_is_running(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "m")
    journal.write("outside.planned")
    assert tell_journal(journal.path).reached is Reached.RUNNING
    journal.close()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
EVENTS = json.loads((Path(__file__).parents[3] / "src/mapmedic/schemas/journal-1.json").read_text())


@settings(deadline=None)
@given(
    st.sampled_from(EVENTS["properties"]["event"]["enum"]),
    st.dictionaries(st.text(max_size=8), JSON, max_size=4),
)
def test_whatever_an_event_says_there_is_a_sentence(name: str, facts: dict[str, object]) -> None:
    line = {"at_unix_ns": 5, **facts, "schema": "mapmedic.journal/1", "event": name}
    try:
        events = parse_journal(json.dumps(line).encode() + b"\n").events
    except FormatError:
        return
    assert sentence(events[0])


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_journal_or_a_format_error(data: bytes) -> None:
    with suppress(FormatError):
        parse_journal(data)
