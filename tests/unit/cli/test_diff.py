"""mapmedic diff and heap on files: what is compared, what is said, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mapmedic.capture.session_file import SessionWriter
from mapmedic.cli import main as cli
from mapmedic.formats.inventory import encode_inventory
from mapmedic.model.inventory import Inventory
from mapmedic.model.session import Artifact
from mapmedic.model.units import UnixNanoseconds
from tests.support.command import Done
from tests.support.go_process import GOLDEN
from tests.support.inventories import START, a_holder, a_map, inventory

BEFORE = inventory(
    a_map("main.a", 1_000), a_map("main.old", 9, address=0xD000), holders=(a_holder("main.log", 2_000),)
)
AFTER = inventory(
    a_map("main.a", 5_000),
    a_map("\x1b[2Jnew", 9, address=0xE000),
    holders=(a_holder("main.log", 9_000, address=0xF800),),
    at_seconds=10,
)
HEAP = GOLDEN / "heap.txt"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, each in (("a.json", BEFORE), ("b.json", AFTER)):
        Path(name).write_bytes(encode_inventory(each))
    session("s.mapmedic", BEFORE, AFTER)
    session("one.mapmedic", BEFORE)
    Path("broken.json").write_bytes(encode_inventory(BEFORE)[:-9])
    return tmp_path


def session(name: str, *seen: Inventory) -> None:
    with SessionWriter(Path(name), "pid:7", "0") as writer:
        for number, each in enumerate(seen):
            at = UnixNanoseconds(each.snapshot.taken_at_unix_ns or START)
            writer.add(Artifact("inventory", number, at, "pid:7", encode_inventory(each)))
        writer.finish()


def mapmedic(capfd: pytest.CaptureFixture[str], *words: object) -> Done:
    return Done(cli.run([*map(str, words)]), *capfd.readouterr())


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("words", [("a.json", "b.json"), ("s.mapmedic",), ("one.mapmedic", "b.json")])
def test_growth_by_owner(words: tuple[str, ...], capfd: pytest.CaptureFixture[str]) -> None:
    done = mapmedic(capfd, "diff", *words, "--json")
    rows = {each["owner"]: each for each in done.json["rows"]}
    assert (done.code, rows["main.a"]["entries_gained"], rows["main.a"]["entries_per_second"]) == (
        0,
        4_000,
        400.0,
    )
    assert (rows["main.old"]["state"], rows["\x1b[2Jnew"]["state"]) == ("gone", "new")
    assert (rows["main.log"]["kind"], rows["main.log"]["entries_gained"]) == ("slice", 7_000)
    assert (done.json["rows"][0]["owner"], rows["main.a"]["kind"]) == ("main.log", "map")
    shown = mapmedic(capfd, "diff", *words)
    assert ("+4,000" in shown.out, "\x1b[2J" in shown.out, "(gone)" in shown.out) == (True, False, True)


@pytest.mark.usefixtures("files")
def test_a_file_shows_the_inventory_that_it_keeps(capfd: pytest.CaptureFixture[str]) -> None:
    assert mapmedic(capfd, "heap", "s.mapmedic", "--json").json["maps"][0]["entries"] == 5_000
    assert "main.T.a" not in mapmedic(capfd, "heap", "a.json").out
    assert "1,000" in mapmedic(capfd, "heap", "a.json", "--by", "declared").out


@pytest.mark.usefixtures("files")
def test_two_heap_profiles_are_compared_by_site(capfd: pytest.CaptureFixture[str]) -> None:
    done = mapmedic(capfd, "diff", HEAP, GOLDEN / "heap.pb.gz", "--json")
    assert (done.code, done.json["by"], done.json["rows"][0]["design"]) == (0, "site", "profile")


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("a.json", "a.json"), 0, "the same moment"),
        (("a.json", "one.mapmedic"), 0, "the same moment"),
        (("a.json",), 2, "name two"),
        ((HEAP,), 2, "name two"),
        (("a.json", HEAP), 2, "cannot be compared"),
        ((HEAP, "one.mapmedic"), 2, "cannot be compared"),
        ((HEAP, GOLDEN / "metrics.txt"), 2, "neither two inventories nor two heap profiles"),
        (("broken.json", "a.json"), 3, "no JSON"),
        (("4194305", "a.json"), 3, "no such process"),
        (("no-such", "a.json"), 2, "neither a URL"),
        (("http://127.0.0.1:9", "a.json"), 3, "needs a process"),
        ((__file__, __file__), 3, "looks like nothing"),
    ],
)
def test_what_cannot_be_compared_is_said(
    words: tuple[object, ...], code: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    done = mapmedic(capfd, "diff", *words)
    assert (done.code, said in done.out + done.err) == (code, True), done.err


@pytest.mark.usefixtures("files")
def test_what_needs_the_memory_says_so_of_a_file(capfd: pytest.CaptureFixture[str]) -> None:
    done = mapmedic(capfd, "heap", "s.mapmedic", "--entries", "main.a")
    assert (done.code, "--image" in done.err) == (3, True), done.err
    none = mapmedic(capfd, "heap", HEAP)
    assert (none.code, "holds no inventory" in none.err) == (3, True)


def test_heap_as_json_is_whole_unless_fewer_are_asked_for(
    files: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = json.loads(mapmedic(capfd, "heap", "a.json", "--json").out)
    cut = json.loads(mapmedic(capfd, "heap", "a.json", "--json", "--limit", 1).out)
    assert (len(whole["maps"]), whole["snapshot"]["complete"], whole["unread"]) == (2, True, [])
    assert cut["maps"] == whole["maps"][:1]
    assert not cut["snapshot"]["complete"]
    (why,) = cut["unread"]
    assert why.startswith("not listed: 1 smaller maps that take ")
