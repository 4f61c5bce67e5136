"""Text that came from a target, made harmless to look at: nothing in it moves a cursor or turns a line.

Function names, map keys and error texts are whatever the target says they are. Each character that
a terminal or a browser would obey instead of show is written out (``\\x1b``, ``\\u202e``).
"""

from __future__ import annotations

import re
import unicodedata

SHOWN_LIMIT = 160
"""How many characters of a name are shown in running text and tables."""
WHOLE_LIMIT = 2_000
"""How many characters of a name are kept where the whole name is asked for (a tooltip)."""

# Controls, formats (bidi, zero width), surrogates, private use, unassigned, line and paragraph separators.
_OBEYED = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
# Letters that draw nothing: a name made of them looks like no name at all.
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5")
_ASCII = re.compile(r"[ -~]*\Z")


def inert(text: str, limit: int | None = None) -> str:
    """Return ``text`` with each character that would be obeyed written out, shortened to ``limit`` if given."""
    if limit is not None:
        text = shorten(text, limit)
    if _ASCII.match(text):
        return text
    return "".join(character if _is_shown(character) else _written_out(character) for character in text)


def inert_lines(text: str) -> list[str]:
    """Return the lines of a text of our own making (a patch hint), each made inert, the line breaks kept."""
    return [inert(line.replace("\t", "    ")) for line in text.replace("\r\n", "\n").split("\n")]


def shorten(text: str, limit: int) -> str:
    """Return ``text`` with its middle left out where it is longer than ``limit``: a name's end says most."""
    if len(text) <= limit:
        return text
    head = (limit - 1) // 3
    return f"{text[:head]}…{text[len(text) - (limit - 1 - head) :]}"


def _is_shown(character: str) -> bool:
    if " " <= character <= "~":
        return True
    category = unicodedata.category(character)
    # Every other space than U+0020 could be taken for it in a name that is copied into a command.
    return category not in _OBEYED and category != "Zs" and character not in _BLANK_LETTERS


def _written_out(character: str) -> str:
    code = ord(character)
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    if named:
        return named
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
