from __future__ import annotations

import io
import os
import unicodedata
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console

from mapmedic.model.evict_condition import EvictCondition
from mapmedic.model.findings import Verdict
from mapmedic.model.remedy import BackupPlan, FixPlan
from mapmedic.report import terminal
from tests.unit.report import hostile, samples


def printed(show: Callable[[Console], None], width: int = 80, color: bool = False) -> str:
    stream = io.StringIO()
    show(Console(file=stream, width=width, force_terminal=color, color_system="standard" if color else None))
    return stream.getvalue()


def trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines())


def test_a_leak_at_80_columns() -> None:
    text = printed(lambda console: terminal.print_diagnosis(console, samples.map_leak_diagnosis()))
    assert trimmed(text).startswith(
        "main.mgr.sessions is leaking.\n"
        "It is filled in main.(*UserSessionManager).CreateSession\n"
        "(/src/sessiond/session.go:42). It holds 380.7 MiB in 812,345 entries and grows\n"
        "by 5.1 ± 0.4 MiB/s. This rests on 5 captures over 1 min.\n"
        "Confidence: strong, 94 %.\n"
        "  + the map's own arrays"
    )
    step, patch = trimmed(text).split("\n\nKeep it from coming back\n")
    assert step.endswith("Next\n  mapmedic hotfix http://127.0.0.1:6060 --map main.mgr.sessions --apply")
    assert "          delete(m.sessions, id)" in patch  # a patch keeps its indentation


def test_an_open_question() -> None:
    text = printed(lambda console: terminal.print_diagnosis(console, samples.undetermined_report().diagnosis))
    assert trimmed(text) == (
        "Not decided: the evidence is too thin to name a cause.\n"
        "This rests on 2 captures over 30 s.\n"
        "Why nothing is decided:\n"
        "  · no GC cycle completed between the two captures: the heap profile could not\n"
        "    move\n"
        "\n"
        "Also seen\n"
        "  · map leak, at main.(*Store).Put (/src/billing/store.go:17), 90.0 MiB,\n"
        "    confidence weak, 35 %\n"
        "\n"
        "Not captured\n"
        "  · heap growth: NumGC stayed at 7\n"
        "  · RSS: no /metrics, and no process at hand\n"
        "\n"
        "Next\n"
        "  mapmedic diagnose http://10.0.3.7:6060 --for 120s"
    )


def test_a_plan_names_the_command_that_does_it() -> None:
    text = printed(lambda console: terminal.print_plan(console, samples.fix_plan()))
    assert "Nothing has been changed." in text
    assert text.rstrip().endswith("--map main.mgr.sessions --strategy swap --hold 10 --apply")


def test_a_plan_that_is_about_to_be_applied_offers_no_command() -> None:
    text = printed(lambda console: terminal.print_plan(console, samples.fix_plan(), offer=False))
    assert "--apply" not in text


def test_a_path_stays_whole() -> None:
    path = "/var/lib/mapmedic/" + "x" * 100
    outcome = replace(samples.outcome(), journal_path=path)
    assert path in printed(lambda console: terminal.print_outcome(console, outcome))


def test_a_plan_that_is_not_ready_offers_no_command() -> None:
    plan = samples.fix_plan()
    plan = replace(plan, conditions=(replace(plan.conditions[0], holds=False),))
    text = printed(lambda console: terminal.print_plan(console, plan))
    assert "FAILS" in text
    assert "--apply" not in text


def test_a_name_is_quoted_for_the_shell() -> None:
    plan = replace(samples.fix_plan(), map="a; rm -rf ~")
    text = printed(lambda console: terminal.print_plan(console, plan), 200)
    assert "--map 'a; rm -rf ~' --strategy" in text


def test_the_command_holds_and_returns_memory_as_the_plan_says() -> None:
    plan = replace(samples.fix_plan(), hold_seconds=300, return_memory=False)
    text = printed(lambda console: terminal.print_plan(console, plan), 200)
    assert "--hold 300 --keep-memory --apply" in text


@pytest.mark.parametrize("value", ["x" * 2_000, "a\nb"])
def test_a_command_that_cannot_be_shown_whole_is_not_offered(value: str) -> None:
    where = (EvictCondition("key", "prefix", value=value),)
    plan = replace(samples.fix_plan(), strategy="evict", where=where, matches=12)
    text = printed(lambda console: terminal.print_plan(console, plan), 200)
    assert "mapmedic hotfix" not in text
    assert "repeat your own command" in text


@pytest.mark.parametrize("width", [80, 120])
def test_outcome_and_proof(width: int) -> None:
    text = printed(lambda console: terminal.print_outcome(console, samples.outcome()), width)
    assert "Fixed while the service ran: 812,345 entries left main.mgr.sessions" in " ".join(text.split())
    assert "all 5 checks passed" in " ".join(text.split())
    text = printed(lambda console: terminal.print_proof(console, samples.proof()), width)
    assert "-90 %" in text
    assert text.count("passed") == 6


def test_why_a_check_failed_is_said_whole_at_80_columns() -> None:
    why = "after 30 s the kernel still counts it: " + "freed heap goes back when a second GC has run, " * 4
    failed = replace(samples.proof().checks[0], passed=False, why=why + "or something else holds it")
    proof = replace(samples.proof(), passed=False, checks=(failed,))
    text = printed(lambda console: terminal.print_proof(console, proof))
    assert f"{why}or something else holds it" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("width", [40, 80, 120])
def test_lines_fit(width: int) -> None:
    text = printed(lambda console: terminal.print_diagnosis(console, samples.map_leak_diagnosis()), width)
    body = text.split("\nNext\n")[0]
    assert max(map(len, body.splitlines())) <= width


def everything_hostile(console: Console) -> None:
    report = hostile.hostile_report()
    assert report.outcome is not None
    assert report.outcome.proof is not None
    terminal.print_diagnosis(console, report.diagnosis)
    terminal.print_plan(console, report.outcome.plan)
    terminal.print_outcome(console, report.outcome)
    terminal.print_proof(console, report.outcome.proof)


def test_hostile_texts_are_shown_inert() -> None:
    text = printed(everything_hostile)
    assert {unicodedata.category(character) for character in text} & {"Cc", "Cf", "Zl", "Zp", "Cs"} == {"Cc"}
    assert {character for character in text if unicodedata.category(character) == "Cc"} == {"\n"}
    assert "[bold]" in text
    assert "2,994 more" in text


def test_no_colour_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    def show(console: Console) -> None:
        terminal.print_diagnosis(console, samples.map_leak_diagnosis())

    assert "\x1b[1;31m" in printed(show, color=True)
    assert "\x1b" not in printed(show)
    stream = io.StringIO()
    monkeypatch.setitem(os.environ, "NO_COLOR", "1")
    show(Console(file=stream, width=80, force_terminal=True, color_system="standard"))
    assert "\x1b[1;31m" not in stream.getvalue()


def test_a_pipe_that_is_not_utf8() -> None:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii") as stream:
        console = Console(file=stream, width=80)
        everything_hostile(console)
        terminal.print_outcome(console, samples.outcome())
        stream.flush()
        assert b"17.3 us at most" in raw.getvalue()


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_words(verdict: Verdict) -> None:
    diagnosis = replace(samples.map_leak_diagnosis(), verdict=verdict, suspects=())
    assert printed(lambda console: terminal.print_diagnosis(console, diagnosis))


def test_an_eviction_shows_its_conditions_and_offers_them_again() -> None:
    conditions = (
        EvictCondition("key", "prefix", value="tenant-7:"),
        EvictCondition("value", "expired", "Exp"),
    )
    plan = replace(samples.fix_plan(), strategy="evict", where=conditions, matches=12)
    shown = printed(lambda console: terminal.print_plan(console, plan), width=200)
    assert "Where     key prefix tenant-7:" in shown
    assert (
        "--strategy evict --where 'key prefix tenant-7:' --where 'value.Exp expired' --hold 10 --apply"
        in shown
    )


def test_a_plan_says_where_the_entries_go_and_what_a_file_cannot_hold() -> None:
    plan = samples.fix_plan()
    assert "go to a new file in /var/lib/mapmedic, 1.0 GiB reckoned with; lossless" in words_of(plan)
    lossy = BackupPlan("/f", "/f/x y", None, None, False, ("value.Conn: net.Conn",))
    shown = words_of(replace(plan, backup=lossy))
    assert "LOSSY, it cannot be restored whole: value.Conn: net.Conn" in shown
    assert "--backup '/f/x y'" in shown
    assert "--no-backup" in words_of(replace(plan, backup=None))


def words_of(plan: FixPlan) -> str:
    return printed(lambda console: terminal.print_plan(console, plan), width=300)
