"""Patterns of conditions mean here what they mean to the agent's RE2, or are refused."""

from __future__ import annotations

import pytest

from mapmedic.errors import UsageError
from mapmedic.goheap.patterns import compile_glob, compile_pattern


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("^sess-[0-9]+$", "sess-12", True), ("^sess-[0-9]+$", "sess-12\n", False), ("a[$]b", "a$b", True),
        ("b", "abc", True), (r"^a\.b$", "axb", False), ("(?i)^ABC", "abcd", True), ("(?:x|y)$", "ay", True),
        (r"\d", "\u0664", False), (r"a\$", "a$b", True), ("(?s)a.b", "a\nb", True), ("a.b", "a\nb", False),
        ("(?P<n>a)b", "ab", True), ("x(a$)", "xa", True), ("x(a$)", "xa\n", False),
    ],
)  # fmt: skip
def test_what_a_pattern_fits(pattern: str, text: str, fits: bool) -> None:
    assert (compile_pattern(pattern).search(text) is not None) == fits


@pytest.mark.parametrize(
    "pattern",
    [
        "(a)\\1",
        "(?=a)",
        "(?!a)",
        "(?<=a)b",
        "(?>a)",
        "a*+",
        "a++",
        "[[:alpha:]]",
        r"\pL",
        "(?m)^a",
        "(",
        "x" * 257,
        "",
    ],
)
def test_what_reads_otherwise_or_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    ("glob", "text", "fits"),
    [
        ("user:*@example.com", "user:7@example.com", True), ("user:*", "xuser:7", False), ("a?c", "abc", True),
        ("a?c", "ac", False), ("a.c", "abc", False), ("*", "a\nb", True), ("a*", "a\n", True),
    ],
)  # fmt: skip
def test_what_a_glob_fits(glob: str, text: str, fits: bool) -> None:
    assert (compile_glob(glob).search(text) is not None) == fits
