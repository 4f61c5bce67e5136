"""--map, --struct with --field, or --call: which map, which maps of a struct, or which function to call."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from mapmedic.cli.options import Duration
from mapmedic.errors import UsageError
from mapmedic.model.field_wish import FieldWish

F = TypeVar("F", bound=Callable[..., Any])
_FIELD = re.compile(r"(\w{1,200})(?:\s*>\s*([0-9]{1,15}))?")
_OF_FIELD = re.compile(r"(\w{1,200})\s*:\s*(\S.*)", re.DOTALL)
_OPTIONS = (
    click.option(
        "--map", "name",
        help="The map, by the name it is registered under; of a process by what mapmedic heap calls it, or its address "
        "(0x…). The ending of a name will do.",
    ),
    click.option(
        "--struct", metavar="NAME",
        help="Of a process, in place of --map: the maps of one struct, by its path (main.mgr) or its type "
        "(main.SessionManager), all in one stop. Its other fields are not touched.",
    ),
    click.option(
        "--field", "fields", multiple=True, metavar="FIELD[>N]",
        help="With --struct: this map of it, where it has more than N entries: sessions, 'cache>10000'. Default: all, "
        "or those that --where names.",
    ),
    click.option(
        "--call", metavar="FUNCTION",
        help="Of a process, in place of --map, for experts: have this function of the program's own called, which "
        "takes no arguments (main.hotfixClear). The plan says what that risks: the program may die of it.",
    ),
    click.option(
        "--call-limit", type=Duration(), default="10s", show_default=True, metavar="TIME",
        help="With --call: after this it is told that the function still runs. It cannot be broken off.",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class What:
    """The ``name`` of a map; of a struct where ``fields`` are given, () being all of its maps.

    Where ``calls``, of a function, which is told to run on after ``limit_seconds``.
    """

    name: str
    fields: tuple[FieldWish, ...] | None = None
    calls: bool = False
    limit_seconds: float = 10.0


def of_fields(what: What, texts: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return which of the conditions ``texts`` are for all, and those for one field ("cache: key prefix a") with it."""
    if what.fields is None:
        return texts, ()
    matches = [(text, _OF_FIELD.fullmatch(text.strip())) for text in texts]
    return (
        tuple(text for text, match in matches if match is None),
        tuple((match[1], match[2]) for _, match in matches if match is not None),
    )


def what_options(command: F) -> F:
    """Add --map, --struct with --field, and --call; the command gets them as one ``what``."""

    @functools.wraps(command)
    def naming(
        *words: Any, name: str | None, struct: str | None, fields: tuple[str, ...], call: str | None,
        call_limit: float, **more: Any,
    ) -> Any:  # fmt: skip
        if [name, struct, call].count(None) != 2:
            raise UsageError(
                "say which map: --map NAME, or --struct NAME for the maps of a struct; or --call FUNCTION"
            )
        if fields and struct is None:
            raise UsageError("--field goes with --struct")
        what = What(name or call or "", calls=call is not None, limit_seconds=call_limit)
        if struct is not None:
            what = What(struct, _wishes(fields))
        return command(*words, what=what, **more)

    for option in reversed(_OPTIONS):
        naming = option(naming)
    return naming  # type: ignore[return-value]


def _wishes(texts: tuple[str, ...]) -> tuple[FieldWish, ...]:
    wishes = tuple(map(_parsed, texts))
    names = [each.name for each in wishes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(
            f"--field {twice} is there twice: say each field once, with the condition that is meant"
        )
    return wishes


def _parsed(text: str) -> FieldWish:
    match = _FIELD.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"--field {text!r} is no field: say sessions, or 'sessions>10000'")
    return FieldWish(match[1], None if match[2] is None else int(match[2]))
