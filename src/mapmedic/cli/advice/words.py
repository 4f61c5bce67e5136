"""The words of the command are off: names that fit nothing or too much, files in the way."""

from __future__ import annotations

import difflib

from mapmedic import errors
from mapmedic.cli.advice.form import Advice, advise, quoted
from mapmedic.report.inert import inert

_MOST_CANDIDATES = 20


@advise.register
def _(error: errors.UsageError) -> Advice:
    return Advice(
        str(error),
        "the command line",
        ("a word is misspelt, missing or too many",),
        "mapmedic COMMAND --help",
    )


@advise.register
def _(error: errors.AmbiguousName) -> Advice:
    return Advice(
        f"{error.name!r} could mean {len(error.candidates)} maps",
        _listed(error.candidates),
        ("several registered maps end in that name",),
        f"say which: --map {quoted(error.candidates[0])}" if error.candidates else "mapmedic hotfix --help",
    )


@advise.register
def _(error: errors.AmbiguousOwner) -> Advice:
    return Advice(
        f"{error.name!r} could mean {len(error.candidates)} maps",
        _listed(error.candidates),
        ("several maps have that name or end in it",),
        "say which by its address, as 0x… in the list",
    )


@advise.register
def _(error: errors.AmbiguousStruct) -> Advice:
    return Advice(
        f"{error.name!r} could mean {len(error.candidates)} structs",
        _listed(error.candidates),
        ("there are several of that type, or with names that end in it",),
        "say which by its path, or by its address as 0x… in the list",
    )


@advise.register
def _(error: errors.UnknownOwner) -> Advice:
    return Advice(
        f"none of {error.maps:,} maps is called {error.name!r}",
        inert(f"like it: {', '.join(error.nearest)}") if error.nearest else "the process's maps",
        ("the name is misspelt", "the map went since it was listed"),
        f"say {quoted(error.nearest[0])}" if error.nearest else "mapmedic heap TARGET lists them",
    )


@advise.register
def _(error: errors.UnknownStruct) -> Advice:
    return Advice(
        f"no struct or field with maps in it is called {error.name!r}",
        inert(f"like it: {', '.join(error.nearest)}") if error.nearest else "the process's maps",
        ("the name is misspelt", "another build of the program has another struct"),
        f"say {quoted(error.nearest[0])}" if error.nearest else "mapmedic heap TARGET lists them",
    )


@advise.register
def _(error: errors.AmbiguousFunction) -> Advice:
    return Advice(
        f"{error.name!r} could mean {len(error.candidates)} functions",
        _listed(error.candidates),
        ("several functions of the program end in that name",),
        "say the whole name, package and all",
    )


@advise.register
def _(error: errors.UnknownFunction) -> Advice:
    return Advice(
        f"no function of the program is called {error.name!r}",
        inert(f"like it: {', '.join(error.nearest)}")
        if error.nearest
        else "the program's table of functions",
        (
            "the name is misspelt",
            "nothing in the program refers to it, so the linker left it out, or it was inlined",
        ),
        f"say {quoted(error.nearest[0])}"
        if error.nearest
        else "say the name as the program has it: main.clearCache",
    )


@advise.register
def _(error: errors.UnknownMap) -> Advice:
    near = difflib.get_close_matches(error.name, _endings(error.registered), n=1, cutoff=0.5)
    if not error.registered:
        return Advice(
            "no map is registered with the agent",
            "the agent in the service",
            ("the code that calls agent.RegisterMap has not run yet, or there is none",),
            "register it in the service: agent.RegisterMap(NAME, &theMap, &itsLock)",
        )
    return Advice(
        f"no registered map is called {error.name!r}",
        f"registered: {', '.join(error.registered)}",
        ("the name is misspelt", "the map is not registered with the agent in this service"),
        f"say which: --map {quoted(near[0] if near else error.registered[0])}",
    )


def _endings(names: tuple[str, ...]) -> list[str]:
    """Return what --map takes for each of ``names``: the whole name, and what stands behind each dot."""
    return [".".join(name.split(".")[start:]) for name in names for start in range(name.count(".") + 1)]


@advise.register
def _(error: errors.CannotWrite) -> Advice:
    return Advice(
        f"cannot write {error.path}: {error.why}",
        error.path,
        ("its folder is not there", "you may not write there"),
        "name a file in a folder that you may write to, such as your own: ~/" + quoted(_name(error.path)),
    )


def _name(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2] or "NAME"


@advise.register
def _(error: errors.OutputExists) -> Advice:
    cause = "an earlier run wrote it"
    if error.path.endswith(".partial"):
        cause = "an earlier capture was cut short; it can be read: mapmedic diagnose " + quoted(error.path)
    return Advice(
        f"{error.path} exists already", error.path, (cause,), "give another name, or --force to replace it"
    )


def _listed(candidates: tuple[str, ...]) -> str:
    """Return a line for each of the first; those of a process come the largest first."""
    more = len(candidates) - _MOST_CANDIDATES
    last = (f"… and {more:,} more",) if more > 0 else ()
    return "\n".join((*map(inert, candidates[:_MOST_CANDIDATES]), *last))
