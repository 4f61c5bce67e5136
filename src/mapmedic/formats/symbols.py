"""Questions to and answers of ``/debug/pprof/symbol`` (upstream: src/net/http/pprof/pprof.go Symbol)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mapmedic.errors import FormatError

_WHAT = "symbol answer"
_MAX_ANSWER_BYTES = 64 << 20
_MAX_LINES = 200_000
"""Ten times what is asked in one request."""
_MAX_QUERY_BYTES = 900_000
_UINT64_HEX_DIGITS = 16


def parse_symbols(data: bytes, *, max_bytes: int = _MAX_ANSWER_BYTES) -> dict[int, str]:
    """Return PC -> function name; a PC that Go could not name is absent.

    The answer is ``num_symbols: 1`` and a line ``0xpc name`` for each PC. A line cut at the very end is
    dropped: half a name would be a wrong one. Raises FormatError.
    """
    if len(data) > max_bytes:
        raise FormatError(_WHAT, f"larger than {max_bytes} bytes", max_bytes)
    if not data.startswith(b"num_symbols:"):
        raise FormatError(_WHAT, "does not start with num_symbols", 0)
    if data.count(b"\n") > _MAX_LINES:
        raise FormatError(_WHAT, f"more than {_MAX_LINES} lines")
    return dict(_named(data))


def encode_symbols(names: Mapping[int, str]) -> bytes:
    """Return ``names`` as ``/debug/pprof/symbol`` would answer them."""
    lines = (f"{pc:#x} {name}\n" for pc, name in names.items())
    return b"num_symbols: 1\n" + "".join(lines).encode()


def _named(data: bytes) -> Iterator[tuple[int, str]]:
    offset = data.find(b"\n") + 1
    while 0 < offset < len(data):
        end = data.find(b"\n", offset)
        if end < 0:
            return
        line = data[offset:end].strip()
        if line:
            yield _pair(line, offset)
        offset = end + 1


def _pair(line: bytes, offset: int) -> tuple[int, str]:
    pc, _, name = line.partition(b" ")
    digits = pc.removeprefix(b"0x")
    # bytes.isalnum and a bounded length: int() alone would take underscores, signs and a megabyte.
    if digits == pc or not 0 < len(digits) <= _UINT64_HEX_DIGITS or not digits.isalnum():
        raise FormatError(_WHAT, "a line without a program counter", offset)
    try:
        return int(digits, 16), name.decode("utf-8", "replace")
    except ValueError:
        raise FormatError(_WHAT, "a line without a program counter", offset) from None


def symbol_query(pcs: Iterable[int], limit: int = 20_000) -> list[str]:
    """Return query strings (``0x1+0x2``), at most ``limit`` PCs and 900 kB each, duplicates removed.

    GET only: POST answers 405 since Go 1.23, and over about 1 MB of URL Go answers 431.
    """
    batches: list[str] = []
    batch: list[str] = []
    size = 0
    for pc in dict.fromkeys(int(pc) for pc in pcs):
        word = f"{pc:#x}"
        if batch and (len(batch) >= limit or size + len(word) + 1 > _MAX_QUERY_BYTES):
            batches.append("+".join(batch))
            batch, size = [], 0
        batch.append(word)
        size += len(word) + 1
    return [*batches, "+".join(batch)] if batch else batches
