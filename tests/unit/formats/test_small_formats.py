"""Symbols, memstats, metrics, sniffing."""

from __future__ import annotations

import dataclasses
import gzip

import pytest

from mapmedic.errors import FormatError
from mapmedic.formats.memstats import parse_memstats
from mapmedic.formats.prometheus_text import parse_metrics
from mapmedic.formats.sniff import sniff
from mapmedic.formats.symbols import parse_symbols, symbol_query
from tests.golden.corpus import CAPTURED
from tests.property.strategies import FOOTER

BODY = FOOTER.partition(b"MemStats\n")[2]


def test_symbol_answers() -> None:
    data = b"num_symbols: 1\n0x1f main.a b\n0x20 main.(*C[...]).Put\r\n0x21 \xff\n0x22 cut"
    assert parse_symbols(data) == {0x1F: "main.a b", 0x20: "main.(*C[...]).Put", 0x21: "\ufffd"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b"num_symbols: 1\n0x main\n",
        b"num_symbols: 1\n0x1_0 a\n",
        b"num_symbols: 1\n" * 200_001,
    ],
)
def test_no_symbol_answers(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_symbols(data)


def test_symbol_queries_are_batched() -> None:
    assert symbol_query([]) == []
    assert symbol_query([16, 17, 16, 255], limit=2) == ["0x10+0x11", "0xff"]
    batches = symbol_query(range(2**63, 2**63 + 200_000), limit=10**9)
    assert max(map(len, batches)) <= 900_000
    assert sum(batch.count("0x") for batch in batches) == 200_000


def test_the_p99_pause_is_a_recorded_one() -> None:
    stats = parse_memstats(BODY)
    ring = tuple(range(1, 257))
    assert dataclasses.replace(stats, pause_ns=ring, num_gc=1000).gc_pause_p99_ns() == 254
    assert dataclasses.replace(stats, pause_ns=ring, num_gc=5).gc_pause_p99_ns() == 5
    assert dataclasses.replace(stats, num_gc=0).gc_pause_p99_ns() is None


def test_max_rss_may_be_absent() -> None:
    stats = parse_memstats(BODY[: BODY.index(b"# MaxRSS")])
    assert stats.max_rss_bytes is None


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"# NumGC = ", b"# NumGC = -", "NumGC is not a number"),
        (b"# NumGC = ", b"# NumGC = " + b"9" * 5000, "NumGC is not a number"),
        (b"# NumGC = ", b"# Other = ", "no line for NumGC"),
        (b"# PauseNs = [", b"# PauseNs = ", "PauseNs is not a list"),
        (b"# PauseNs = [", b"# PauseNs = [1 ", "more than 256"),
        (b"# GCCPUFraction = ", b"# GCCPUFraction = x", "GCCPUFraction is not a number"),
        (b" / ", b" ", "is not a number"),
    ],
)
def test_broken_footers(old: bytes, new: bytes, why: str) -> None:
    with pytest.raises(FormatError, match=why) as caught:
        parse_memstats(BODY.replace(old, new), 77)
    assert caught.value.offset == 77


def test_metrics_of_others_are_passed_over() -> None:
    page = parse_metrics(
        b'http_x{a="b"} broken} {\ngo_goroutines 7\nprocess_cpu_seconds_total 1e3 1395066363000\n'
    )
    assert page.value("go_goroutines") == 7
    assert page.value("process_cpu_seconds_total") == 1000
    assert page.value("http_x") is None
    assert page.go_version is None


def test_labels_choose_a_sample() -> None:
    page = parse_metrics(b'go_x{a="1",b="2"} 5\ngo_x{a="1",b="3"} 6\n')
    assert page.value("go_x", b="3", a="1") == 6
    assert page.value("go_x") == 5
    assert page.value("go_x", c="1") is None


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"<html>\n<body>\n", "no metric"),
        (b"go_x notanumber\n", "does not parse"),
        (b'go_x{a="b 1\n', "does not parse"),
        (b"go_x " + b"1" * 70_000 + b"\n", "a line of more than"),
        (b"go_y 1\n" * (3 << 20), "larger than"),
        (b"go_y 1\n" * 20_001, "more than 20000 lines"),
    ],
)
def test_no_metrics(data: bytes, why: str) -> None:
    with pytest.raises(FormatError, match=why):
        parse_metrics(data)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("heap.txt", "heap_text"),
        ("heap.pb.gz", "heap_pprof"),
        ("goroutine.txt", "goroutine_text"),
        ("crash.txt", "goroutine_text"),
        ("symbols.txt", "symbols"),
        ("metrics.txt", "metrics"),
        ("metrics_client_golang.txt", "metrics"),
        ("gctrace.txt", "gctrace"),
        ("goroutine1.txt", "goroutine_text1"),
        ("allocs.pb.gz", "heap_pprof"),
        ("cpu.pb.gz", "pprof"),
        *((f"crash_{end}.txt", "goroutine_text") for end in ("panic", "map", "memory", "spinning")),
    ],
)
def test_goldens_are_recognised(name: str, kind: str) -> None:
    for path in CAPTURED.glob(f"*/{name}"):
        data = path.read_bytes()
        assert sniff(data) == kind
        assert sniff(data if name.endswith("gz") else gzip.compress(data)) == kind


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty"),
        (b"goroutine profile: total 7\n", "goroutine_text1"),
        (b"<!DOCTYPE html>", "html"),
        (b'{"a": 1}', "json"),
        (b"\x7fELF\x02", "elf"),
        (b"go 1.23 trace\0\0\0", "trace"),
        (b"gc 1 @0.012s 2%: 0.01+0.3+0.002 ms clock\n", "gctrace"),
        (b"go_goroutines 7\n", "metrics"),
        (b"panic: x\n\ngoroutine 1 [running]:\nmain.main()\n", "goroutine_text"),
        (b"hello", "unknown"),
        (b"\x1f\x8b rubbish", "unknown"),
    ],
)
def test_other_things(data: bytes, kind: str) -> None:
    assert sniff(data) == kind


def test_a_profile_of_something_else() -> None:
    plain = gzip.decompress((CAPTURED / "go1.27.3" / "heap.pb.gz").read_bytes())
    for kind in (b"inuse_space", b"alloc_space", b"inuse_objects", b"alloc_objects"):
        plain = plain.replace(kind, kind.upper())
    assert sniff(plain) == "pprof"
