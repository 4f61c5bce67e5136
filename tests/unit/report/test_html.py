from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from mapmedic.model.backup import Backup, BackupHeader, StreamEnd
from mapmedic.model.findings import Verdict
from mapmedic.model.health import HealthPhase, UrlHealth
from mapmedic.model.heap import HeapChange
from mapmedic.model.remedy import Outcome, Proof
from mapmedic.model.report import FixReport, Report
from mapmedic.model.units import UnixNanoseconds
from mapmedic.report.assets import FLAME_LIBRARIES, TIMELINE_LIBRARIES, asset
from mapmedic.report.html import render_fix, render_flame, render_html, script_json
from tests.unit.report import hostile, sample_heaps, samples

VOID = {"meta", "br", "input", "img", "link", "hr"}
PAGE_LIMIT = 600_000


class Page(HTMLParser):
    """Every element that is in a page, whether they are closed in order, and the text that is shown."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.shown: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.shown.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.shown))


REPORTS: dict[str, Callable[[], Report | FixReport]] = {
    "map leak": samples.map_leak_report,
    "healthy": samples.healthy_report,
    "undetermined": samples.undetermined_report,
    "hostile": hostile.hostile_report,
    "fix": samples.fix_report,
    "hostile fix": lambda: samples.fix_report(hostile.hostile_report()),
    "comparison": samples.comparison,
}


def rendered(report: Report | FixReport) -> str:
    return render_html(report) if isinstance(report, Report) else render_fix(report)


@pytest.fixture(params=REPORTS, scope="module")
def html(request: pytest.FixtureRequest) -> str:
    return rendered(REPORTS[request.param]())


def test_a_page_is_well_formed_and_small(html: str) -> None:
    assert Page(html).open == []
    assert len(html.encode()) < PAGE_LIMIT


def test_a_page_asks_nobody_for_anything(html: str) -> None:
    page = Page(html)
    assert not [tag for tag, _ in page.tags if tag in ("link", "img", "iframe", "object", "base", "form")]
    for _, attributes in page.tags:
        assert not {"src", "href", "action", "style"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
    (policy,) = (
        each["content"] for _, each in page.tags if each.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "connect-src" not in policy


def test_headings_and_tables_are_named_for_those_who_cannot_see_them(html: str) -> None:
    page = Page(html)
    tags = [tag for tag, _ in page.tags]
    assert tags.count("h1") == 1
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert tags.count("caption") == tags.count("table")
    assert all(each.get("scope") for tag, each in page.tags if tag == "th")
    assert ("html", {"lang": "en"}) in page.tags


def test_the_data_block_is_json(html: str) -> None:
    (block,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert not set("<>&\u2028\u2029") & set(block)
    assert set(json.loads(block)) == {"timeline", "flame"}


def test_what_the_page_says_about_a_fixed_leak() -> None:
    text = Page(render_html(samples.map_leak_report())).text
    for part in (
        "main.mgr.sessions is leaking.",
        "It is filled in main.(*UserSessionManager).CreateSession (/src/sessiond/session.go:42).",
        "It holds 380.7 MiB in 812,345 entries and grows by 5.1 ± 0.4 MiB/s.",
        "Confidence: strong, 94 %.",
        "Fixed while the service ran: 812,345 entries left main.mgr.sessions; its lock was held 17.3 µs at most.",
        "None of 12,480 requests failed.",
        "/var/lib/mapmedic/2026-11-23T03-45-12-sessions.journal",
        "delete(m.sessions, id)",
        "✓ passed",
        "404 Not Found: expvar is not imported",
        "go1.27.3",
        "2026-11-23 03:46:47 UTC",
    ):
        assert part in text


def test_an_open_question_names_no_culprit() -> None:
    text = Page(render_html(samples.undetermined_report())).text
    assert "Not decided" in text
    assert "is leaking" not in text
    assert "mapmedic diagnose http://10.0.3.7:6060 --for 120s" in text


def test_hostile_texts_are_shown_inert() -> None:
    html = render_html(hostile.hostile_report())
    assert not set("\x1b\u202e\x00\u2028") & set(html)
    assert "<img" not in html
    assert "2,979 more in the JSON output" in html
    assert "49" not in Page(html).text.split("evil", 1)[1][:40]  # {{7*7}} is not evaluated


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_words(verdict: Verdict) -> None:
    report = samples.map_leak_report()
    suspects = tuple(
        replace(each, code=verdict, owner=None, declared=None, label=None)
        for each in report.diagnosis.suspects
    )
    for known in (suspects, ()):
        diagnosis = replace(report.diagnosis, verdict=verdict, suspects=known)
        assert Page(render_html(replace(report, diagnosis=diagnosis))).text


def test_a_failed_proof_is_not_hidden() -> None:
    report = samples.map_leak_report()
    assert report.outcome is not None
    assert report.outcome.proof is not None
    checks = tuple(replace(check, passed=False) for check in report.outcome.proof.checks[:2])
    outcome = replace(report.outcome, proof=replace(report.outcome.proof, passed=False, checks=checks))
    text = Page(render_html(replace(report, outcome=outcome))).text
    assert "fix not proven" in text
    assert "Not proven: both checks failed" in text
    assert "✗ failed" in text


def test_the_flame_graph_alone() -> None:
    page = Page(render_flame(sample_heaps.leaking_heap(), "heap <now>"))
    assert "heap <now>" in page.text
    assert "uPlot" not in page.text
    assert not [each for _, each in page.tags if each.get("id") == "timeline"]


def test_an_empty_profile_says_so() -> None:
    page = Page(render_flame(sample_heaps.heap_of(()), "nothing"))
    assert "No heap profile with anything in it was captured." in page.text


def test_a_fix_has_a_page_of_its_own() -> None:
    text = Page(render_fix(samples.fix_report())).text
    for part in (
        "is fixed and proved.",
        "812,345 entries left",
        "17.3 µs",
        "✓ passed",
        "fix applied",
        "Undo",
    ):
        assert part in text


def test_what_was_saved_is_on_the_page() -> None:
    report = samples.fix_report()
    assert report.outcome is not None
    header = BackupHeader(
        "m",
        "map",
        "map[string]int",
        "t",
        "swap",
        "op",
        7,
        False,
        ("func fields",),
        "me",
        UnixNanoseconds(1),
        "0.1.0",
    )
    backup = Backup("/var/lib/mapmedic/sessions.backup", header, StreamEnd(7, 0, "ab" * 32), 2048)
    text = Page(render_fix(replace(report, outcome=replace(report.outcome, backup=backup)))).text
    for part in (
        "/var/lib/mapmedic/sessions.backup",
        "7 entries, 2.0 KiB, checked; LOSSY (func fields)",
        "ab" * 32,
    ):
        assert part in text
    unsaved = replace(report.outcome, plan=replace(report.outcome.plan, backup=None))
    assert "what is dropped cannot be restored" in Page(render_fix(replace(report, outcome=unsaved))).text


def test_how_the_service_fared_is_on_the_page() -> None:
    report = samples.fix_report()
    assert report.outcome is not None
    phase = HealthPhase(50, 3, 1, 1.25, None)
    unwell = UrlHealth(
        "http://svc/<b>", 200, 40.0, phase, phase, HealthPhase(0, 0, 0, None, None), "it answers HTTP 503"
    )
    well = replace(unwell, url="http://svc/ok", unwell=None)
    html = render_fix(replace(report, outcome=replace(report.outcome, health=(unwell, well))))
    page = Page(html)
    for part in (
        "http://svc/<b>",
        "✗ unwell : it answers HTTP 503; slow is beyond 40 ms",
        "✓ well",
        "1.25 ms",
    ):
        assert part in page.text
    assert page.open == [] and "The service meanwhile" not in Page(render_fix(report)).text


def test_a_fix_that_was_only_planned_says_so() -> None:
    report = samples.fix_report()
    assert report.outcome is not None
    planned = replace(report, proof=None, outcome=Outcome(report.outcome.plan, False, *[None] * 7))
    text = Page(render_fix(planned)).text
    assert "nothing has been changed" in text and "Not applied" in text
    assert "Proof" not in text and "fixed and" not in text


def test_a_fix_that_did_not_help_is_not_called_a_success() -> None:
    report = samples.fix_report()
    assert report.outcome is not None and report.proof is not None
    proof = replace(report.proof, passed=False)
    html = render_fix(replace(report, proof=proof, outcome=replace(report.outcome, proof=proof)))
    assert "is not proved" in Page(html).text and "lead outcome open" in html


def test_two_captures_compared() -> None:
    text = Page(render_fix(samples.comparison())).text
    for part in ("The memory came back.", "47.0 MiB", "live before", "404 Not Found"):
        assert part in text
    failed = replace(samples.comparison(), proof=Proof(False, ()))
    assert "The memory did not come back." in Page(render_fix(failed)).text


def test_growth_has_a_view_where_it_was_watched() -> None:
    report = samples.map_leak_report()
    heap = sample_heaps.leaking_heap()
    change = HeapChange(heap, heap.inuse_bytes * 0.25, 60.0)
    watched = Page(render_html(replace(report, change=change)))
    assert "of the live bytes came in the 1 min that were watched. Of the live bytes" in watched.text
    assert "grown while watched" in watched.text
    assert "grown while watched" not in Page(render_html(report)).text


def test_numbers_that_are_none_are_refused_by_the_data_block() -> None:
    with pytest.raises(ValueError, match="JSON"):
        script_json({"t": [float("nan")]})


@pytest.mark.parametrize(
    "name", (*FLAME_LIBRARIES, *TIMELINE_LIBRARIES, "page.js", "flame.js", "timeline.js")
)
def test_scripts_can_stand_in_a_page(name: str) -> None:
    script = asset(name)
    assert "</script" not in script.lower()
    assert "<!--" not in script
    assert "\r" not in script
    assert not re.search(r"\beval\(|new Function\b", script)
