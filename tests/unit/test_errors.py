"""The error tree: its picture, its exit codes, and advice for every class of it."""

from __future__ import annotations

import inspect
import re
import shlex

import pytest

from mapmedic import errors
from mapmedic.cli.advice import advise
from mapmedic.cli.error_output import error_json
from tests.support.command import validate

CLASSES = {
    name: value
    for name, value in vars(errors).items()
    if inspect.isclass(value) and issubclass(value, errors.MapmedicError)
}
EXIT_CODES = {
    "MapmedicError": 70, "UsageError": 2, "CouldNotLook": 3, "Refused": 4, "ProofFailed": 5, "WriteUnknown": 5,
    "RestoreIncomplete": 5,
}  # fmt: skip
NASTY = "/tmp/a b; rm -rf ~/$(id)\x1b[2J"  # noqa: S108 - never opened


def sample(kind: type[errors.MapmedicError]) -> errors.MapmedicError:
    """Return an error of ``kind``, every text of it nasty."""
    values: dict[str, object] = {
        "tuple[str, ...]": (NASTY, NASTY),
        "int": 409,
        "int | None": 7,
        "int | None = None": 7,
    }
    if kind.__init__ is errors.MapmedicError.__init__:
        return kind(NASTY)
    parameters = list(inspect.signature(kind).parameters.values())
    return kind(*(values.get(str(parameter.annotation), NASTY) for parameter in parameters))


def drawn() -> dict[str, tuple[str | None, int | None]]:
    """Return class -> (parent, exit code) as the docstring draws them."""
    picture: dict[str, tuple[str | None, int | None]] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^ {4}([|` -]*)([A-Z]\w+)(?: +(\d+))?", line)
        if match is None:
            continue
        depth, name = len(match.group(1)), match.group(2)
        above = [(d, n) for d, n in above if d < depth]
        picture[name] = (above[-1][1] if above else None, int(match.group(3)) if match.group(3) else None)
        above.append((depth, name))
    return picture


def test_the_picture_in_the_docstring_is_the_tree() -> None:
    tree = {
        name: kind.__bases__[0].__name__ for name, kind in CLASSES.items() if kind is not errors.MapmedicError
    }
    assert {name: parent for name, (parent, _) in drawn().items() if parent} == tree
    for name, (_, code) in drawn().items():
        if code is not None:
            assert CLASSES[name].exit_code == code


def test_exit_codes_are_designs() -> None:
    for kind in CLASSES.values():
        nearest = next(EXIT_CODES[each.__name__] for each in kind.__mro__ if each.__name__ in EXIT_CODES)
        assert kind.exit_code == nearest


@pytest.mark.parametrize("name", CLASSES)
def test_each_class_has_advice_of_its_own_kind(name: str) -> None:
    error = sample(CLASSES[name])
    assert str(error), "it says something by itself too"
    advice = advise(error)
    assert advice.what and advice.where and advice.next
    assert advice.causes and all(advice.causes)
    validate(error_json(error, advice))
    if name != "MapmedicError":
        assert advise.dispatch(CLASSES[name]) is not advise.dispatch(errors.MapmedicError)


@pytest.mark.parametrize("name", CLASSES)
def test_a_command_to_paste_holds_the_name_as_one_word(name: str) -> None:
    """Whoever pastes ``next`` must not run what somebody put into a file name."""
    advice = advise(sample(CLASSES[name]))
    for text in (advice.next, *advice.causes):
        if "rm -rf" in text:
            words = shlex.split(text.split("   (")[0])
            assert any("rm -rf ~/$(id)" in word for word in words), text
            assert "\x1b" not in text


def test_a_misspelt_map_is_answered_with_the_nearest_ending() -> None:
    registered = ("main.UserSessionManager.sessions", "main.cacheMap")
    assert advise(errors.UnknownMap("sesions", registered)).next == "say which: --map sessions"
    assert "RegisterMap" in advise(errors.UnknownMap("sessions", ())).next


def test_a_host_without_an_address_is_not_called_down() -> None:
    advice = advise(errors.HostUnknown("http://svc.invalid:6060/debug/pprof/", "Name or service not known"))
    assert advice.next == "getent hosts svc.invalid"
    assert not any("not running" in cause for cause in advice.causes)
