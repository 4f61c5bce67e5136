"""Which Go a live test builds with: the machine's own; with MAPMEDIC_GO=all (`make live`) every one in the cache."""

from __future__ import annotations

import os

from mapmedic.demo.service import lab_source
from mapmedic.source.toolchain import GoToolchain, find_go, probe_go

EVERY = os.environ.get("MAPMEDIC_GO") == "all"
NEWEST_CLASSIC = 23


def toolchains() -> list[GoToolchain]:
    """Return what to build with, oldest first: never nothing, so that no test is passed over in silence."""
    if not EVERY:
        return [find_go("build what the live tests look into")]
    return cached_toolchains() or [find_go("build what the live tests look into")]


def cached_toolchains() -> list[GoToolchain]:
    """Return those in the checkout's cache, oldest first; a clean clone has none."""
    found = [probe_go(path) for path in lab_source().parent.glob(".cache/go/*/bin/go")]
    return sorted((go for go in found if go is not None), key=minor)


def classic_toolchains() -> list[GoToolchain]:
    """Return those of the cache whose maps are of the older design: the newest such, or every one. May be none."""
    older = [go for go in cached_toolchains() if minor(go) <= NEWEST_CLASSIC]
    return older if EVERY else older[-1:]


def minor(go: GoToolchain) -> int:
    """Return 26 of go1.26.8."""
    return int(go.version.split(".")[1])
