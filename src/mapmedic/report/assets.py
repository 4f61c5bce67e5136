"""The page's styles, scripts and vendored libraries: read once, hashed for the page's security policy."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources

# In the order they must run: each builds on those before it.
FLAME_LIBRARIES = (
    "vendor/d3-array/d3-array.min.js",
    "vendor/d3-color/d3-color.min.js",
    "vendor/d3-interpolate/d3-interpolate.min.js",
    "vendor/d3-format/d3-format.min.js",
    "vendor/d3-scale/d3-scale.min.js",
    "vendor/d3-hierarchy/d3-hierarchy.min.js",
    "vendor/d3-dispatch/d3-dispatch.min.js",
    "vendor/d3-timer/d3-timer.min.js",
    "vendor/d3-ease/d3-ease.min.js",
    "vendor/d3-selection/d3-selection.min.js",
    "vendor/d3-transition/d3-transition.min.js",
    "vendor/d3-flame-graph/d3-flamegraph.umd.min.js",
)
TIMELINE_STYLES = ("vendor/uplot/uPlot.min.css",)
TIMELINE_LIBRARIES = ("vendor/uplot/uPlot.iife.min.js",)
# The d3 modules share one licence, except d3-ease, which names Robert Penner beside it.
_FLAME_LICENCES = {
    "d3 (ISC)": "vendor/d3-selection/LICENSE",
    "d3-ease (BSD-3-Clause)": "vendor/d3-ease/LICENSE",
    "d3-flame-graph (Apache-2.0)": "vendor/d3-flame-graph/LICENSE",
}
_TIMELINE_LICENCES = {"uPlot (MIT)": "vendor/uplot/LICENSE"}
# d3-flame-graph adds this style to the page when it is loaded.
_ADDED_STYLE = re.compile(r"\.textContent=`([^`]*)`")


@cache
def asset(name: str) -> str:
    """Return the text of an asset file."""
    return resources.files("mapmedic.report").joinpath("assets", *name.split("/")).read_text(encoding="utf-8")


def licences(libraries: tuple[str, ...]) -> dict[str, str]:
    """Return name -> text of the licences of the libraries a page holds: a copy must carry them."""
    paths = _TIMELINE_LICENCES if set(TIMELINE_LIBRARIES) & set(libraries) else {}
    if set(FLAME_LIBRARIES) & set(libraries):
        paths = {**paths, **_FLAME_LICENCES}
    return {name: asset(path) for name, path in paths.items()}


def content_security_policy(scripts: tuple[str, ...], styles: tuple[str, ...]) -> str:
    """Return a policy that runs these inline scripts and styles and nothing else, and opens no connection."""
    added = tuple(style for script in scripts for style in _ADDED_STYLE.findall(script))
    allowed = {
        "default-src": "'none'",
        "script-src": " ".join(map(_hash, scripts)) or "'none'",
        "style-src": " ".join(map(_hash, (*styles, *added))) or "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{directive} {sources}" for directive, sources in allowed.items())


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
