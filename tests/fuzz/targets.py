"""What is fuzzed: every parser, and what is computed from its answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mapmedic.errors import FormatError
from mapmedic.formats.goroutine_text import group_goroutines, parse_goroutines
from mapmedic.formats.heap_text import parse_heap_text
from mapmedic.formats.memstats import parse_memstats
from mapmedic.formats.pprof import encode_profile, parse_profile
from mapmedic.formats.prometheus_text import parse_metrics
from mapmedic.formats.sniff import sniff
from mapmedic.formats.symbols import parse_symbols
from mapmedic.model.heap_records import hidden_prefix_lengths
from tests.golden.corpus import FOLDERS


@dataclass(frozen=True)
class Target:
    """Name the goldens that are broken for ``run``."""

    files: tuple[str, ...]
    run: Callable[[bytes], object]

    def corpus(self) -> list[bytes]:
        return [(folder / name).read_bytes() for folder in FOLDERS for name in self.files]


def heap_text(data: bytes) -> None:
    for allow_truncated in (True, False):
        records = parse_heap_text(data, allow_truncated=allow_truncated, max_bytes=16 << 20)
        hidden_prefix_lengths(records)
        records.unsampled()
        if records.memstats:
            records.memstats.gc_pause_p99_ns()


def profile(data: bytes) -> None:
    parsed = parse_profile(data, max_bytes=16 << 20)
    again = parse_profile(encode_profile(parsed))
    assert (parsed.values == again.values).all()
    assert parsed.function_names == again.function_names


def goroutines(data: bytes) -> None:
    """A dump fed in pieces must group, or fail, as the whole does."""
    size = (1000, 7, 1 << 16)[len(data) % 3]
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    if data.startswith(b"\x1f\x8b"):
        parse_goroutines(data, max_bytes=16 << 20)
        return
    try:
        whole = parse_goroutines(data)
    except FormatError as error:
        try:
            group_goroutines(pieces)
        except FormatError as same:
            assert str(same) == str(error)
            return
        raise AssertionError("the whole fails, its pieces do not") from error
    assert group_goroutines(pieces) == whole


TARGETS = {
    "heap_text": Target(("heap.txt",), heap_text),
    "profile": Target(("heap.pb.gz",), profile),
    "goroutines": Target(("goroutine.txt", "crash.txt"), goroutines),
    "symbols": Target(("symbols.txt",), parse_symbols),
    "metrics": Target(("metrics.txt",), parse_metrics),
    "memstats": Target(("heap.txt",), lambda data: parse_memstats(data.partition(b"MemStats\n")[2])),
    "sniff": Target(("heap.txt", "heap.pb.gz", "goroutine.txt", "crash.txt", "metrics.txt"), sniff),
}
