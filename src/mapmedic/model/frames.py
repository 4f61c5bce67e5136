"""What a Go function name says: which package it is in, whether it is the program's own, what grows in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Frame:
    """One call in a stack.

    ``restored`` is true for a runtime frame that net/http/pprof hides and that was named again from
    its raw PC; such a frame has no file or line.
    """

    function: str
    file: str | None = None
    line: int | None = None
    restored: bool = False


class ContainerKind(StrEnum):
    """Which built-in container an allocation grows."""

    MAP = "map"
    SYNC_MAP = "sync.Map"
    SLICE = "slice"
    CHANNEL = "channel"


# First path elements of Go's standard library (`go list std`, Go 1.21 to 1.27). A user's package
# starts with `main` or, by convention, with a domain.
_STANDARD_LIBRARY = frozenset(
    (  # noqa: SIM905 - a list of one word a line would say no more
        "archive arena bufio builtin bytes cmp compress container context crypto database debug embed "
        "encoding errors expvar flag fmt go hash html image index internal io iter log maps math mime net os "
        "path plugin reflect regexp runtime simd slices sort strconv strings structs sync syscall testing "
        "text time unicode unique unsafe uuid vendor weak"
    ).split()
)

# Functions that allocate on behalf of `m[k] = v` or `make(map…)`: src/runtime/map*.go up to Go 1.23,
# src/internal/runtime/maps from 1.24 (runtime.mapassign* stays as the entry point).
_MAP_GROWTH = re.compile(
    r"^runtime\.(?:mapassign\w*|makemap\w*|hashGrow|growWork\w*|evacuate\w*|makeBucketArray|\(\*hmap\)\.\w+)$"
    r"|^internal/runtime/maps\."
    r"|^reflect\.mapassign\w*$"
)
# sync.Map: src/sync/map.go up to Go 1.23, a HashTrieMap in src/internal/sync from 1.24.
_SYNC_MAP_GROWTH = re.compile(
    r"^sync\.\(\*(?:Map|entry)\)\.|^sync\.newEntry|^internal/sync\.(?:\(\*)?(?:HashTrieMap|new|entry)"
)
_SLICE_GROWTH = re.compile(r"^runtime\.growslice\w*$")
# Functions of the standard library that fill a map of their caller's.
_FILLS_CALLERS_MAP = re.compile(
    r"^(?:maps|reflect|internal/reflectlite|encoding/[\w/]+)\."
    r"|^net/(?:textproto\.MIMEHeader|http\.Header|url\.Values)\."
)


@lru_cache(maxsize=65536)
def package_of(function: str) -> str:
    """Return the package path of ``function`` ("net/http" for "net/http.(*conn).serve")."""
    bare = function.split("[", 1)[0].removeprefix("type:.eq.").removeprefix("type..eq.")
    slash = bare.rfind("/")
    dot = bare.find(".", slash + 1)
    return bare if dot < 0 else bare[:dot]


@lru_cache(maxsize=65536)
def is_standard_library(function: str) -> bool:
    """Tell whether ``function`` belongs to Go's own library or runtime."""
    return package_of(function).split("/", 1)[0] in _STANDARD_LIBRARY


def fills_for_its_caller(function: str, kind: ContainerKind) -> bool:
    """Tell whether ``function`` grows a container that belongs to whoever called it.

    The library has maps of its own (a transport's idle connections), but the slices it makes are answers
    (io.ReadAll, bytes.Buffer, slices.Grow).
    """
    if kind is ContainerKind.SLICE:
        return is_standard_library(function)
    return kind is ContainerKind.MAP and _FILLS_CALLERS_MAP.match(function) is not None


@lru_cache(maxsize=65536)
def is_runtime(function: str) -> bool:
    """Tell whether ``function`` belongs to the runtime (the frames pprof hides at the leaf)."""
    package = package_of(function)
    return package in ("runtime", "internal/runtime") or package.startswith(("runtime/", "internal/runtime/"))


@lru_cache(maxsize=65536)
def grown_container(function: str) -> ContainerKind | None:
    """Return what ``function`` grows, None where it grows nothing."""
    if _SYNC_MAP_GROWTH.match(function):
        return ContainerKind.SYNC_MAP
    if _MAP_GROWTH.match(function):
        return ContainerKind.MAP
    if _SLICE_GROWTH.match(function):
        return ContainerKind.SLICE
    return None
