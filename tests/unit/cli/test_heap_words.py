"""mapmedic heap: words that do not go together are refused before anything is looked at."""

from __future__ import annotations

import pytest

from mapmedic.cli.advice import advise
from mapmedic.errors import AmbiguousOwner
from tests.support.command import run


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--entries", "a", "--paths", "b"), "ask for one at a time"),
        (("--redact",), "--redact goes with --entries"),
        (("--pprof", "{new}", "--entries", "a"), "--pprof goes with the whole inventory"),
        (("--against", "http://127.0.0.1:1", "--paths", "a"), "--against goes with the whole inventory"),
    ],
)
def test_words_that_do_not_go_together(
    words: tuple[str, ...], why: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    new = tmp_path_factory.mktemp("out") / "owners.pb.gz"
    done = run("heap", "1", *(word.format(new=new) for word in words))
    assert (done.code, done.out) == (2, "")
    assert why in done.err
    assert not new.exists()


def test_what_the_command_does_not_take_is_pointed_to_its_help() -> None:
    done = run("heap", "http://127.0.0.1:1")
    assert done.code == 3
    assert "next:  mapmedic heap --help" in done.err


def test_a_name_of_many_maps_lists_the_first_of_them_a_line_each() -> None:
    advice = advise(AmbiguousOwner("m", tuple(f"main.x{n}.m (0x{n:x}, 9 entries)" for n in range(30))))
    lines = advice.where.split("\n")
    assert (lines[0], len(lines), lines[-1]) == ("main.x0.m (0x0, 9 entries)", 21, "… and 10 more")
