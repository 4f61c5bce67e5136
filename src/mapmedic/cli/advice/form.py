"""The form of an advice: what, where, likely causes, one next command."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import singledispatch

from mapmedic.errors import MapmedicError
from mapmedic.report.inert import inert


@dataclass(frozen=True, slots=True)
class Advice:
    """What happened, where, why it may have, and the one thing to try next."""

    what: str
    where: str
    causes: tuple[str, ...]
    next: str


@singledispatch
def advise(error: MapmedicError) -> Advice:
    """Return the advice on ``error``."""
    return Advice(
        str(error), "mapmedic itself", ("a bug; the traceback says where",), "report it with the traceback"
    )


def quoted(text: str) -> str:
    """Return a path or URL as one word of a shell: what we print is what people paste."""
    return shlex.quote(inert(text))
