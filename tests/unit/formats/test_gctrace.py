"""GC cycles out of logs: of every shape Go prints, with whatever stands before, between and inside the lines."""

from __future__ import annotations

import gzip

import pytest

from mapmedic.errors import FormatError
from mapmedic.formats import gctrace
from mapmedic.formats.gctrace import parse_gctrace
from mapmedic.formats.sniff import sniff
from mapmedic.model.units import KIB, MIB


def cycle(number: int, at: float = 0.5, live: int = 8, tail: str = "") -> bytes:
    return (
        f"gc {number} @{at:.3f}s 3%: 0.012+0.30+0.002 ms clock, 0.1+0.3/12/0+5.5 ms cpu, "
        f"12->13->{live} MB, 17 MB goal, 1 MB stacks, 0 MB globals, 2 P{tail}\n"
    ).encode()


def test_every_column() -> None:
    trace = parse_gctrace(cycle(17, tail=" (forced)"))
    assert (trace.cycles, trace.processes, trace.other_lines, trace.torn_lines) == (1, 1, 0, 0)
    assert (trace.number[0], trace.at_seconds[0], trace.cpu_share[0]) == (17, 0.512 - 0.012, 0.03)
    phases = (trace.sweep_termination_ms, trace.mark_ms, trace.mark_termination_ms)
    assert [column[0] for column in phases] == [0.012, 0.3, 0.002]
    assert trace.pause_ms[0] == 0.014
    cpu = (trace.sweep_termination_cpu_ms, trace.assist_cpu_ms, trace.background_cpu_ms)
    assert [column[0] for column in cpu] == [0.1, 0.3, 12]
    assert (trace.idle_cpu_ms[0], trace.mark_termination_cpu_ms[0]) == (0, 5.5)
    sizes = (trace.heap_start_bytes, trace.heap_end_bytes, trace.live_bytes, trace.goal_bytes)
    assert [column[0] // MIB for column in sizes] == [12, 13, 8, 17]
    assert (trace.stacks_bytes[0], trace.globals_bytes[0], trace.processors[0]) == (MIB, 0, 2)
    assert trace.forced[0] and not trace.leak_check[0]


def test_shapes_of_other_versions() -> None:
    before_go_1_18 = (
        b"gc 1 @0.001s 2%: 0+1.2+13 ms clock, 0.1+0.2/0.3/0.4+0.5 ms cpu, 4->4->0 MB, 5 MB goal, 4 P\n"
    )
    leak_check = cycle(2).replace(b"3%:", b"3% (checking for goroutine leaks):")
    trace = parse_gctrace(before_go_1_18 + leak_check)
    assert trace.stacks_bytes.tolist() == [-1, MIB]
    assert trace.leak_check.tolist() == [False, True]


@pytest.mark.parametrize(
    "prefix",
    [
        "{date}T06:00:0{n}.123456789Z ",
        "{date}T06:00:0{n}.5+01:00 stderr F ",
        "[pod/svc-7d9f/app] ",
        "svc-1  | ",
        "Nov 2{n} 06:00:0{n} host svc[123]: ",
        "170000000{n}.25 ",
        '{{"log":"',
    ],
)
def test_what_collectors_of_logs_put_before_a_line_is_passed_over(prefix: str) -> None:
    lines = [prefix.format(date="2026-11-23", n=n).encode() + cycle(n, n) for n in (1, 2, 3)]
    data = b"".join(lines)
    if prefix.startswith("{"):
        data = data.replace(b"P\n", b'P\\n","stream":"stderr"}\n')
    trace = parse_gctrace(data)
    assert (trace.number.tolist(), trace.processes) == ([1, 2, 3], 1)
    assert sniff(data) == "gctrace"


def test_other_lines_and_torn_ones_are_counted_and_the_rest_is_read() -> None:
    torn = cycle(2)[:40] + b'{"level":"info"}\n' + cycle(2)[40:]
    data = b"listening\n" + cycle(1, 1) + torn + b"gc statistics: none\n" + cycle(3, 3) + cycle(4, 4)[:-5]
    trace = parse_gctrace(data)
    assert trace.number.tolist() == [1, 3]
    assert (trace.other_lines, trace.torn_lines) == (3, 2)
    assert parse_gctrace(gzip.compress(data)).number.tolist() == [1, 3]


def test_processes_are_told_apart() -> None:
    restarted = cycle(1, 1) + cycle(2, 2) + cycle(1, 0.1) + cycle(2, 0.2) + cycle(3, 0.3)
    trace = parse_gctrace(restarted)
    assert trace.process.tolist() == [0, 0, 1, 1, 1]
    assert trace.longest().number.tolist() == [1, 2, 3]
    pods = b"".join(b"a | " + cycle(n, n) + b"b | " + cycle(n, n) for n in (1, 2, 3)) + b"a | " + cycle(4, 4)
    assert parse_gctrace(pods).process.tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert parse_gctrace(pods).of_process(1).number.tolist() == [1, 2, 3]


def test_scavenges() -> None:
    trace = parse_gctrace(
        b"scav 12 KiB work (bg), 0 KiB work (eager), 4344 KiB now, 80% util\n"
        + cycle(1)
        + b"scav 0 KiB work (bg), 8 KiB work (eager), 4352 KiB now, 9% util (forced)\n"
        + b"scvg: 0 MB released\n"
    ).scavenges
    assert trace.after_cycle.tolist() == [-1, 0]
    assert trace.background_bytes.tolist() == [12 * KIB, 0]
    assert trace.eager_bytes.tolist() == [0, 8 * KIB]
    assert trace.released_bytes.tolist() == [4344 * KIB, 4352 * KIB]
    assert trace.used_share.tolist() == [0.8, 0.09]
    assert trace.forced.tolist() == [False, True]


@pytest.mark.parametrize("data", [b"", b"hello\n", cycle(1)[:-6], cycle(1).replace(b"12->", b"9999999999->")])
def test_a_log_without_one_cycle(data: bytes) -> None:
    with pytest.raises(FormatError, match="no line of a gctrace"):
        parse_gctrace(data)


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gctrace, "MAX_LINES", 3)
    monkeypatch.setattr(gctrace, "MAX_PROCESSES", 2)
    with pytest.raises(FormatError, match="more than 3 lines of a trace"):
        parse_gctrace(b"".join(cycle(n, n) for n in range(1, 5)))
    with pytest.raises(FormatError, match="more than 2 processes"):
        parse_gctrace(cycle(1) * 3)
    with pytest.raises(FormatError, match="larger than 100"):
        parse_gctrace(cycle(1), max_bytes=100)


def test_a_hostile_log_takes_no_longer_than_a_plain_one() -> None:
    with pytest.raises(FormatError):
        parse_gctrace(b"gc 1 @" + b"9" * 100 + b"gc 1 @" * 300_000 + b"1" * 1_000_000)
