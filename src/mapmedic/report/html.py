"""The report as one HTML page that needs nothing but itself: no network, no server, no other file."""

from __future__ import annotations

import json
from collections.abc import Mapping

from markupsafe import Markup

from mapmedic.model.heap import HeapChange, HeapProfile
from mapmedic.model.report import FixReport, Report
from mapmedic.report import flame_data, inert, timeline, view, words
from mapmedic.report.assets import (
    FLAME_LIBRARIES,
    TIMELINE_LIBRARIES,
    TIMELINE_STYLES,
    asset,
    content_security_policy,
    licences,
)
from mapmedic.report.flame import FlameTree, flame_tree
from mapmedic.report.templating import environment

_NONE: tuple[tuple[str, ...], ...] = ((), (), ())
# What could end a <script> block early, or start something inside it, written so that JSON reads it the same.
_IN_SCRIPT = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def render_html(report: Report) -> str:
    """Return ``report`` as a self-contained HTML page."""
    outcome, change = report.outcome, report.change
    course = timeline.timeline_of(report.observation, outcome, report.after)
    before = _tree(view.last_heap(report.observation, change), change)
    after = _tree(view.last_heap(report.after))
    chief = words.chief(report.diagnosis)
    site = chief.site.function if chief and chief.site else None
    data = {
        "timeline": timeline.columns(course) if course.drawable else None,
        "flame": _flame_data(before, after, site),
    }
    return _page(
        "report.html.j2",
        data,
        report=report,
        diagnosis=report.diagnosis,
        chief=chief,
        outcome=outcome,
        proof=outcome.proof if outcome else None,
        ends=(outcome.before, outcome.after) if outcome else (None, None),
        blanks=view.blanks(report.diagnosis, report.observation, report.after),
        course=course,
        before=before,
        after=after,
        change=change,
        site=site,
        title=view.title_of(report),
    )


def render_fix(report: FixReport) -> str:
    """Return what a fix did, or two captures compared, as a self-contained HTML page."""
    course = timeline.timeline_of(report.before, report.outcome, report.after)
    before, after = _tree(view.last_heap(report.before)), _tree(view.last_heap(report.after))
    data = {
        "timeline": timeline.columns(course) if course.drawable else None,
        "flame": _flame_data(before, after, None),
    }
    return _page(
        "fix.html.j2",
        data,
        report=report,
        title=report.title,
        outcome=report.outcome,
        proof=report.proof,
        ends=view.ends(report),
        blanks=view.blanks(report.before, report.after),
        course=course,
        before=before,
        after=after,
        change=None,
        site=None,
        chief=None,
    )


def render_flame(heap: HeapProfile, title: str, change: HeapChange | None = None) -> str:
    """Return the flame graph of ``heap`` alone as a self-contained HTML page; ``change`` is one of this heap."""
    tree = _tree(heap, change)
    data = {"timeline": None, "flame": _flame_data(tree, None, None)}
    context = {"before": tree, "after": None, "change": change, "site": None, "chief": None}
    return _page("flame.html.j2", data, title=title, **context)


def _page(template: str, data: Mapping[str, object], **context: object) -> str:
    """Return a page that carries what it draws with, and nothing it does not need."""
    timeline_parts = (TIMELINE_LIBRARIES, TIMELINE_STYLES, ("timeline.js",)) if data["timeline"] else _NONE
    flame_parts = (FLAME_LIBRARIES, (), ("flame.js",)) if data["flame"] else _NONE
    libraries = (*timeline_parts[0], *flame_parts[0])
    styles = tuple(asset(name) for name in (*timeline_parts[1], "page.css", "flame.css"))
    scripts = tuple(asset(name) for name in (*libraries, "page.js", *timeline_parts[2], *flame_parts[2]))
    return (
        environment()
        .get_template(template)
        .render(
            policy=Markup(content_security_policy(scripts, styles)),  # noqa: S704 -- hashes of our own
            styles=[Markup(style) for style in styles],  # noqa: S704 -- our own files and vendored ones
            scripts=[Markup(script) for script in scripts],  # noqa: S704
            data=script_json(data),
            licences=licences(libraries),
            **context,
        )
    )


def script_json(data: object) -> Markup:
    """Return ``data`` as JSON that is safe inside a <script> block."""
    return Markup(json.dumps(data, allow_nan=False, separators=(",", ":")).translate(_IN_SCRIPT))  # noqa: S704


def _tree(heap: HeapProfile | None, change: HeapChange | None = None) -> FlameTree | None:
    """Return the tree of a profile, None where there is nothing in it to draw."""
    if heap is None:
        return None
    tree = flame_tree(heap, change)
    return tree if tree.root.inuse or tree.root.alloc else None


def _flame_data(
    before: FlameTree | None, after: FlameTree | None, site: str | None
) -> dict[str, object] | None:
    trees = {name: flame_data.columns(tree) for name, tree in (("before", before), ("after", after)) if tree}
    return {"site": inert.inert(site, inert.WHOLE_LIMIT) if site else None, "trees": trees} if trees else None
