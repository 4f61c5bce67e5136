"""An error on its way out: its advice as words on stderr, or as JSON on stdout."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from dataclasses import replace

import click

from mapmedic import errors
from mapmedic.cli.advice import Advice, advise
from mapmedic.report.inert import inert


def print_words(error: errors.MapmedicError, command: str | None = None) -> None:
    """Print the advice on ``error`` of ``command`` to stderr."""
    advice = _for_command(advise(error), command)
    places = advice.where.split("\n")
    lines = [f"error: {advice.what}", f"where: {places[0]}", *(f"       {place}" for place in places[1:])]
    for number, cause in enumerate(advice.causes):
        lines += _wrapped("likely: " if number == 0 else " " * 8, inert(cause))
    lines += [f"kept:  {note}" for note in getattr(error, "__notes__", ())]
    lines.append(f"next:  {advice.next}")  # never broken: it is there to be copied
    # Words of the target may be in here; they must not move the cursor.
    click.echo("\n".join(inert(line) for line in lines), err=True)


def _wrapped(lead: str, text: str) -> list[str]:
    """Return ``text`` behind ``lead``, broken at words where a person reads it on a terminal."""
    if not sys.stderr.isatty():
        return [lead + text]
    width = max(40, shutil.get_terminal_size().columns)
    return textwrap.wrap(
        text, width, initial_indent=lead, subsequent_indent=" " * len(lead), break_long_words=False
    )


def print_json(error: errors.MapmedicError, command: str | None = None) -> None:
    """Print ``mapmedic.error/1`` to stdout."""
    click.echo(json.dumps(error_json(error, _for_command(advise(error), command)), indent=2))


def _for_command(advice: Advice, command: str | None) -> Advice:
    return replace(advice, next=advice.next.replace("COMMAND", command)) if command else advice


def error_json(error: errors.MapmedicError, advice: Advice) -> dict[str, object]:
    """Return ``mapmedic.error/1``."""
    return {
        "schema": "mapmedic.error/1",
        "error": type(error).__name__,
        "exit_code": error.exit_code,
        "what": advice.what,
        "where": advice.where,
        "causes": list(advice.causes),
        "next": advice.next,
    }
