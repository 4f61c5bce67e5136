"""Where a service keeps its profiles and its metrics.

A TARGET without a path is a root: /debug/pprof, /metrics. One with a path may be a root behind a proxy
(PATH/debug/pprof) or the place of the profiles itself (PATH/heap); which of the two is asked, not guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from mapmedic.capture.http import HttpClient
from mapmedic.capture.limits import Limits
from mapmedic.errors import TargetUnreachable, UnexpectedAnswer
from mapmedic.formats.sniff import Kind, sniff
from mapmedic.model.units import MIB

_PPROF = "/debug/pprof"
_PROBE = Limits(10, 64 * MIB)
# The cheapest answer that nothing else gives; a service that serves chosen handlers only may lack it.
_TELLING: tuple[tuple[str, Kind], ...] = (("/symbol", "symbols"), ("/heap?debug=1", "heap_text"))
# Higher up than this another service may answer, an API server in front of the pod for one.
_MOST_LEVELS_UP = 2


@dataclass(frozen=True, slots=True)
class Layout:
    """``base`` is what /metrics hangs on, ``pprof`` what /heap does."""

    base: str
    pprof: str

    def url(self, path: str) -> str:
        """Return the address of ``path``, which is written as a root has it (/debug/pprof/…)."""
        rest = path.removeprefix(_PPROF)
        return self.base + path if rest == path else self.pprof + rest


def root_layout(base: str) -> Layout:
    """Return the layout of a service whose root is ``base``."""
    return Layout(base, base + _PPROF)


async def find_layout(client: HttpClient, base: str) -> Layout:
    """Return the layout of ``base``; a root's where nobody says that it is another."""
    plain = root_layout(base)
    if not base.startswith("http") or not urlsplit(base).path:
        return plain
    if await _answers(client, plain.pprof) or not await _answers(client, base):
        return plain
    above = _levels_above(base)
    for level in above:
        if await _holds(client, f"{level}/metrics", "metrics"):
            return Layout(level, base)
    return Layout(above[-1], base)


def _levels_above(base: str) -> list[str]:
    parts = urlsplit(base)
    levels: list[str] = []
    path = parts.path
    while path and len(levels) < _MOST_LEVELS_UP:
        path = path.rpartition("/")[0]
        levels.append(urlunsplit((parts.scheme, parts.netloc, path, "", "")))
    return levels


async def _answers(client: HttpClient, pprof: str) -> bool:
    for path, kind in _TELLING:
        if await _holds(client, pprof + path, kind):
            return True
    return False


async def _holds(client: HttpClient, url: str, kind: Kind) -> bool:
    try:
        answer = await client.get(url, _PROBE)
    except (TargetUnreachable, UnexpectedAnswer):
        return False
    return answer.status == 200 and sniff(answer.body) == kind
