"""The report as one HTML page that needs nothing but itself: no network, no server, no other file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mapmedic.model.heap import HeapProfile
from mapmedic.model.report import Report
from mapmedic.report import figures, flame_data, inert, outcome_words, timeline, view, words
from mapmedic.report.assets import (
    FLAME_LIBRARIES,
    LICENCES,
    TIMELINE_LIBRARIES,
    asset,
    content_security_policy,
)
from mapmedic.report.flame import FlameTree, container_shares, flame_tree

# What could end a <script> block early, or start something inside it, written so that JSON reads it the same.
_IN_SCRIPT = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def render_html(report: Report) -> str:
    """Return ``report`` as a self-contained HTML page."""
    course = timeline.timeline_of(report)
    before = _tree(view.last_heap(report.observation))
    after = _tree(view.last_heap(report.after))
    chief = words.chief(report.diagnosis)
    site = chief.site.function if chief and chief.site else None
    data = {"timeline": timeline.columns(course), "flame": _flame_data(before, after, site)}
    return _page(
        "report.html.j2",
        data,
        (*TIMELINE_LIBRARIES, *(FLAME_LIBRARIES if before or after else ())),
        report=report,
        diagnosis=report.diagnosis,
        chief=chief,
        course=course,
        before=before,
        after=after,
        site=site,
        title=view.title_of(report),
    )


def render_flame(heap: HeapProfile, title: str) -> str:
    """Return the flame graph of ``heap`` alone as a self-contained HTML page."""
    tree = _tree(heap)
    data = {"timeline": None, "flame": _flame_data(tree, None, None)}
    return _page(
        "flame.html.j2", data, FLAME_LIBRARIES, title=title, before=tree, after=None, site=None, chief=None
    )


def _page(template: str, data: Mapping[str, object], libraries: tuple[str, ...], **context: object) -> str:
    styles = tuple(asset(name) for name in ("vendor/uplot/uPlot.min.css", "page.css", "flame.css"))
    own = [name for name, block in (("timeline.js", data["timeline"]), ("flame.js", data["flame"])) if block]
    scripts = tuple(asset(name) for name in (*libraries, "page.js", *own))
    return (
        _environment()
        .get_template(template)
        .render(
            policy=Markup(content_security_policy(scripts, styles)),  # noqa: S704 -- hashes of our own
            styles=[Markup(style) for style in styles],  # noqa: S704 -- our own files and vendored ones
            scripts=[Markup(script) for script in scripts],  # noqa: S704
            data=script_json(data),
            licences={name: asset(path) for name, path in LICENCES.items()},
            **context,
        )
    )


def script_json(data: object) -> Markup:
    """Return ``data`` as JSON that is safe inside a <script> block."""
    return Markup(json.dumps(data, allow_nan=False, separators=(",", ":")).translate(_IN_SCRIPT))  # noqa: S704


def _tree(heap: HeapProfile | None) -> FlameTree | None:
    """Return the tree of a profile, None where there is nothing in it to draw."""
    if heap is None:
        return None
    tree = flame_tree(heap)
    return tree if tree.root.inuse or tree.root.alloc else None


def _flame_data(
    before: FlameTree | None, after: FlameTree | None, site: str | None
) -> dict[str, object] | None:
    trees = {name: flame_data.columns(tree) for name, tree in (("before", before), ("after", after)) if tree}
    return {"site": inert.inert(site, inert.WHOLE_LIMIT) if site else None, "trees": trees} if trees else None


@cache
def _environment() -> Environment:
    environment = Environment(
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
    }
    environment.filters.update(filters)
    environment.globals.update(
        view=view,
        words=words,
        outcome_words=outcome_words,
        timeline=timeline,
        finite=figures.finite,
        holders=flame_data.holders,
        container_shares=container_shares,
    )
    return environment
