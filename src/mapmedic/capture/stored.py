"""Inventories that were kept: in a session, or as the JSON that `mapmedic heap --json` prints."""

from __future__ import annotations

from pathlib import Path

from mapmedic.capture.files import open_regular
from mapmedic.capture.observe import MAX_FILE_BYTES
from mapmedic.capture.session_file import read_session
from mapmedic.errors import FormatError
from mapmedic.formats.inventory import SCHEMA, parse_inventory
from mapmedic.model.inventory import Inventory

_HEAD_BYTES = 512


def stored_inventories(path: Path) -> tuple[Inventory, ...]:
    """Return every inventory in the file at ``path``, oldest first; none where it is a file of another kind.

    SessionDamaged, CannotRead; FormatError where it is an inventory that does not parse.
    """
    with open_regular(path) as file:
        head = file.read(_HEAD_BYTES)
        if head[257:262] == b"ustar":
            kept = [each for each in read_session(path).artifacts if each.kind == "inventory"]
            kept.sort(key=lambda each: each.taken_at)
            return tuple(parse_inventory(each.data) for each in kept)
        if not head.lstrip().startswith(b"{") or SCHEMA.encode() not in head:
            return ()
        data = head + file.read(MAX_FILE_BYTES)
    if len(data) > MAX_FILE_BYTES:
        raise FormatError(str(path), f"it is larger than {MAX_FILE_BYTES:,} bytes")
    return (parse_inventory(data),)
