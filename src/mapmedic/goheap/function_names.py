"""Which function of a program somebody means, and whether it can be called without arguments: by its name alone."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from mapmedic.errors import AmbiguousFunction, UnknownFunction

_MOST_NEAR = 5
_RUNTIMES = ("runtime.", "runtime/", "internal/", "type:", "go:")


def find_function(names: Sequence[str], wanted: str) -> int:
    """Return the index of the function that ``wanted`` means: its name, or what one name ends in from a dot on.

    AmbiguousFunction where several are meant, UnknownFunction with the nearest names where none is.
    """
    meant = [at for at, name in enumerate(names) if name == wanted]
    if not meant:
        meant = [
            at
            for at, name in enumerate(names)
            if name.endswith((f".{wanted}", f"/{wanted}")) and _is_own(name)
        ]
    if len(meant) > 1:
        raise AmbiguousFunction(wanted, tuple(sorted({names[at] for at in meant})))
    if not meant:
        own = sorted({name for name in names if _is_own(name)})
        raise UnknownFunction(wanted, tuple(_nearest(wanted, own)))
    return meant[0]


def why_not_callable(name: str, arguments_bytes: int) -> str | None:
    """Return why a function of that name is not called; None where nothing says that it takes anything.

    ``arguments_bytes``: as the program's table has it: what a function takes, and what it returns on the stack.
    Results that it returns in registers are not told, and nobody asks for them.
    """
    package, base = _parts(name)
    if not _is_own(name):
        return "it belongs to the runtime, not to the program"
    if base == "init" or base.startswith("init.") or (package, base) == ("main", "main"):
        return "the runtime calls it, once, as the program begins"
    if any(each in base for each in ".()[]-"):
        return "it is a method, a closure or an instance of a generic function: it needs more than a call"
    if arguments_bytes:
        return f"it takes arguments, or returns on the stack ({arguments_bytes} bytes, by the program's own table)"
    return None


def _parts(name: str) -> tuple[str, str]:
    """Return the package and the rest; dots in the last part of a package's path are escaped (%2e)."""
    path = name.partition("[")[0].partition("(")[0]
    start = path.rfind("/") + 1
    dot = name.find(".", start)
    return (name, "") if dot < 0 else (name[:dot], name[dot + 1 :])


def _is_own(name: str) -> bool:
    return "." in name and not name.startswith(_RUNTIMES)


def _nearest(wanted: str, known: Sequence[str]) -> list[str]:
    last = wanted.rpartition(".")[2].lower()
    named = [each for each in known if last and last in each.lower()]
    return (named or difflib.get_close_matches(wanted, known, n=_MOST_NEAR, cutoff=0.6))[:_MOST_NEAR]
