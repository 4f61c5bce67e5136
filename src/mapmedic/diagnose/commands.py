"""A target as the words of a command: what is printed is what people paste, and it came from outside."""

from __future__ import annotations

import re
import shlex

_LIVE = re.compile(r"(?:pid:\d+ )?(?:https?|unix|gops)://\S+|pid:\d+")


def live_words(target: str) -> str:
    """Return ``target`` as arguments, "URL" where it is no target that could be looked at again."""
    if not _LIVE.fullmatch(target):
        return "URL"
    return " ".join(map(shlex.quote, target.split(" ")))


def process_word(target: str) -> str | None:
    """Return the process in ``target`` as one argument, None where it names none."""
    word = target.partition(" ")[0]
    return word if _LIVE.fullmatch(target) and word.startswith("pid:") else None


def url_word(target: str) -> str:
    """Return the URL in ``target`` as one argument; of a process and its URL, the latter."""
    return shlex.quote(target.rpartition(" ")[2] if _LIVE.fullmatch(target) else target)
