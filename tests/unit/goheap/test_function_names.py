"""Which function a name means, and which of them are called without arguments."""

from __future__ import annotations

import pytest

from mapmedic.errors import AmbiguousFunction, UnknownFunction
from mapmedic.goheap.function_names import find_function, why_not_callable

NAMES = (
    "runtime.clear", "main.clearAll", "main.clear", "example.com/pkg%2ev2/store.clear", "example.com/store.reset",
    "main.(*Cache).reset",
)  # fmt: skip


def test_a_whole_name_goes_before_endings_and_endings_begin_at_a_dot() -> None:
    assert find_function(NAMES, "main.clear") == 2
    assert find_function(NAMES, "clearAll") == 1
    assert find_function(NAMES, "store.reset") == 4
    assert find_function(NAMES, "runtime.clear") == 0


def test_several_and_none_are_told_with_what_is_there() -> None:
    with pytest.raises(AmbiguousFunction) as several:
        find_function(NAMES, "clear")
    assert several.value.candidates == ("example.com/pkg%2ev2/store.clear", "main.clear")
    with pytest.raises(UnknownFunction) as none:
        find_function(NAMES, "main.cleer")
    assert none.value.nearest[0] == "main.clear"
    with pytest.raises(UnknownFunction) as last:
        find_function(NAMES, "store.Clear")
    assert "main.clear" in last.value.nearest


@pytest.mark.parametrize("name", ["main.clear", "example.com/pkg%2ev2/store.clear", "a-b.com/x-y/z.f"])
def test_a_function_without_arguments_may_be_called(name: str) -> None:
    assert why_not_callable(name, 0) is None
    assert "8 bytes" in (why_not_callable(name, 8) or "")
    # Assembly that does not say what it takes.
    assert why_not_callable(name, -(1 << 31)) is not None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("main.(*Cache).reset", "a method"),
        ("main.Cache.reset", "a method"),
        ("main.serve.func1", "a closure"),
        ("main.serve.gowrap1", "a closure"),
        ("main.(*Cache).reset-fm", "a method"),
        ("main.clear[go.shape.int]", "a generic"),
        ("example.com/a.clear[example.com/b.T]", "a generic"),
        ("runtime.GC", "the runtime"),
        ("internal/poll.runtime_pollReset", "the runtime"),
        ("main.init", "as the program begins"),
        ("example.com/store.init.0", "as the program begins"),
        ("main.main", "as the program begins"),
        ("debugCall32", "the runtime"),
        ("type:.eq.main.T", "the runtime"),
    ],
)
def test_what_needs_more_than_a_call_is_not_called(name: str, why: str) -> None:
    said = why_not_callable(name, 0)
    assert said is not None and why.rsplit(maxsplit=1)[-1] in said


def test_main_of_another_package_is_a_function_like_any() -> None:
    assert why_not_callable("example.com/tool.main", 0) is None
