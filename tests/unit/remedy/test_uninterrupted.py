"""Signals that come while a target is being changed: heard afterwards, and never lost. Real signals, to ourselves."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from mapmedic.errors import WriteUnknown
from mapmedic.remedy.uninterrupted import uninterrupted

ENDS_US = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """Who listens for all three while the test runs, and does not end us."""
    numbers: list[int] = []
    before = {each: signal.signal(each, lambda number, _frame: numbers.append(number)) for each in ENDS_US}
    yield numbers
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ENDS_US)
def test_it_is_heard_when_the_body_has_ended(number: signal.Signals, heard: list[int]) -> None:
    with uninterrupted() as came:
        signal.raise_signal(number)
        assert (list(came), heard) == ([number], [])
    assert heard == [number]


def test_ctrl_c_ends_us_then() -> None:
    done = False
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        signal.raise_signal(signal.SIGINT)
        done = True
    assert done


def test_an_error_of_the_body_goes_on_and_the_signal_is_heard_all_the_same(heard: list[int]) -> None:
    with pytest.raises(WriteUnknown), uninterrupted():
        signal.raise_signal(signal.SIGINT)
        raise WriteUnknown(1, 2, "it ended")
    assert heard == [signal.SIGINT]


def test_an_error_of_the_body_says_more_than_ctrl_c() -> None:
    with pytest.raises(WriteUnknown), uninterrupted():
        signal.raise_signal(signal.SIGINT)
        raise WriteUnknown(1, 2, "it ended")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_that_was_not_set_from_python_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    # A mock: Python says None of a handler that stood there before it began, as in a program that embeds it.
    ours = signal.getsignal(signal.SIGHUP)
    known = signal.getsignal
    monkeypatch.setattr(signal, "getsignal", lambda each: None if each is signal.SIGHUP else known(each))
    with uninterrupted():
        assert known(signal.SIGHUP) is ours and known(signal.SIGTERM) is not signal.SIG_DFL
    assert (known(signal.SIGHUP), known(signal.SIGTERM)) == (ours, signal.SIG_DFL)
