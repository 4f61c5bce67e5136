"""The plain grouping of a goroutine dump that nobody wrote into: blocks between empty lines, a dictionary."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

_HEADER = re.compile(r"goroutine (\d+)[^\[]*\[([^\],]*)[^\]]*\].*:")
_PLACE = re.compile(r"\t(.*):(\d+)(?: .*)?")


def groups(text: str) -> Counter[Any]:
    blocks = [block.splitlines() for block in text.split("\n\n")]
    return Counter(_key(block) for block in blocks if _HEADER.fullmatch(block[0]))


def _key(block: list[str]) -> Any:
    header = _HEADER.fullmatch(block[0])
    assert header is not None
    own = block[1:]
    if any(line.startswith("[originating") for line in own):
        own = own[: next(i for i, line in enumerate(own) if line.startswith("[originating"))]
    own = [line for line in own if not line.startswith(("...", "\tgoroutine running on other"))]
    frames, creator = [], None
    for function, place in zip(own[::2], own[1::2], strict=True):
        where = _PLACE.fullmatch(place)
        assert where is not None, place
        if function.startswith("created by "):
            creator = (function[len("created by ") :].split(" in goroutine ")[0], where[1], int(where[2]))
        else:
            frames.append((function[: function.rindex("(")], where[1], int(where[2])))
    return header[2].removesuffix(" (scan)"), tuple(frames), creator
