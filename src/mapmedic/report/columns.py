"""Which columns of figures a table has room for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def columns_that_fit(room: int, columns: Mapping[str, Sequence[str]], weightiest: Sequence[str]) -> list[str]:
    """Return the names of ``columns`` (name -> texts) that fit into ``room`` characters, in their own order.

    The ``weightiest`` are let in first; once one does not fit, those behind it stay out as well.
    """
    kept = set()
    for name in weightiest:
        room -= max(map(len, (name, *columns[name]))) + 1
        if room < 0:
            break
        kept.add(name)
    return [name for name in columns if name in kept]
