from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapmedic.report.inert import inert, inert_lines, shorten


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("main.(*Cache[string,int]).Put", "main.(*Cache[string,int]).Put"),
        ("main.größe", "main.größe"),
        ("映射", "映射"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x00\x7f\x9b", "\\x00\\x7f\\x9b"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("no\u00a0break", "no\\xa0break"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("\u3164", "\\u3164"),
    ],
)
def test_what_would_be_obeyed_is_written_out(text: str, shown: str) -> None:
    assert inert(text) == shown


@given(st.text(st.characters()))
def test_nothing_that_is_left_moves_anything(text: str) -> None:
    for character in inert(text):
        assert unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    inert(text).encode()
    assert inert(inert(text)) == inert(text)


def test_a_long_name_keeps_its_ends() -> None:
    name = "github.com/acme/" + "x" * 10_000 + ".(*Manager).Put"
    assert len(shorten(name, 160)) == 160
    assert shorten(name, 160).startswith("github.com/acme/")
    assert shorten(name, 160).endswith(".(*Manager).Put")
    assert shorten("short", 160) == "short"


def test_lines_of_our_own_stay_lines() -> None:
    assert inert_lines("a\r\n\tb\x1b\nc") == ["a", "    b\\x1b", "c"]
