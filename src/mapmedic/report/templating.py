"""The templates' surroundings: escaping that no template can forget, and the words and numbers they may use."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from mapmedic.report import (
    figures,
    flame_data,
    inert,
    inventory_view,
    outcome_words,
    session_words,
    timeline,
    view,
    words,
)
from mapmedic.report.flame import container_shares


@cache
def environment() -> Environment:
    """Return the environment every page is made in."""
    made = Environment(
        loader=PackageLoader("mapmedic.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Every text that is put into a page goes through here, so that no template can forget it.
        finalize=lambda value: inert.inert(value, inert.WHOLE_LIMIT) if type(value) is str else value,
    )
    filters: dict[str, Callable[..., object]] = {
        "bytes": figures.bytes_text,
        "rate": figures.rate_text,
        "count": figures.count_text,
        "percent": figures.percent_text,
        "duration": figures.duration_text,
        "moment": figures.time_text,
        "measured": figures.measured_text,
        "short": lambda text: inert.inert(text, inert.SHOWN_LIMIT),
        "whole": lambda text: inert.inert(text, inert.WHOLE_LIMIT),
        "lines": inert.inert_lines,
        "taken": session_words.in_words,
    }
    made.filters.update(filters)
    made.globals.update(
        view=view,
        inventory_view=inventory_view,
        words=words,
        outcome_words=outcome_words,
        timeline=timeline,
        finite=figures.finite,
        holders=flame_data.holders,
        container_shares=container_shares,
    )
    return made
