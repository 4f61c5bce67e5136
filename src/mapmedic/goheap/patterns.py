"""Patterns of conditions, as the agent's RE2 understands them; what means another thing here is refused."""

from __future__ import annotations

import re

from mapmedic.errors import UsageError

_MOST_BYTES = 256
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?(?:P?<\w+>|[a-zA-Z-]*[:)]|.)|[*+?}]\+|.", re.DOTALL)
# What RE2 has not, or reads in another way: references, what looks around, atoms, classes by name, modes but i and s.
_BARRED_ESCAPES = frozenset("123456789ZpPQECKkGRXN")
_ALLOWED_GROUPS = re.compile(r"\(\?(?:[is]{0,2}:|[is]{1,2}\)|P<\w+>)")


def compile_glob(glob: str) -> re.Pattern[str]:
    """Return what all of a text has to be like: * is anything, also nothing, ? one character."""
    _bounded(glob)
    quoted = "".join({"*": ".*", "?": "."}.get(each) or re.escape(each) for each in glob)
    return re.compile(rf"\A{quoted}\Z", re.DOTALL)


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return ``pattern``, which is to be found in a text; UsageError where it is no RE2, or reads otherwise there."""
    _bounded(pattern)
    tokens = [each.group() for each in _TOKEN.finditer(pattern)]
    for token in tokens:
        if _is_barred(token):
            raise UsageError(
                f"the pattern {pattern!r}: {token!r} is none of RE2, or not asked for from outside"
            )
    # Without (?m) RE2's $ is the end of the text; here it would also be that of its last line.
    own = "".join({"$": r"\Z", r"\z": r"\Z"}.get(token, token) for token in tokens)
    try:
        return re.compile(own, re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(f"the pattern {pattern!r}: {error}") from error


def _is_barred(token: str) -> bool:
    if token.startswith("\\") and len(token) == 2:
        return token[1] in _BARRED_ESCAPES
    if token.startswith("["):
        return "[:" in token or any(f"\\{each}" in token for each in "pPQE")
    if token.startswith("(?"):
        return _ALLOWED_GROUPS.fullmatch(token) is None
    return len(token) == 2 and token[1] == "+"


def _bounded(text: str) -> None:
    if not 0 < len(text.encode("utf-8", "surrogateescape")) <= _MOST_BYTES:
        raise UsageError(f"a pattern is 1 to {_MOST_BYTES} bytes long")
