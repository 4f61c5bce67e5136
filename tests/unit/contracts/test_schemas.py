"""The JSON contracts: the schemas are schemas, hold DESIGN's fields, and our outputs keep to them."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from mapmedic.cli.advice import advise
from mapmedic.cli.error_output import error_json
from mapmedic.errors import ProofFailed
from mapmedic.model.backup import Backup, BackupHeader, StreamEnd
from mapmedic.model.comparison import ComparedBy, Comparison
from mapmedic.model.entries import AgeBand, Ages, Contents, Entry, Grouping, KeyGroup, MapEntries
from mapmedic.model.findings import Blank, Diagnosis, Evidence, Fix, Reason, Removal, Site, Suspect, Verdict
from mapmedic.model.frames import ContainerKind, Frame
from mapmedic.model.gc_words import NO_MEMORY_LIMIT, GcWord, GcWords
from mapmedic.model.go_values import Boxed, Elements, Plain, Pointer, Said, Struct, Text, Unreadable
from mapmedic.model.health import HealthPhase, UrlHealth
from mapmedic.model.heap import HeapChange
from mapmedic.model.holders import HolderStep, MapHolders, OtherHolder
from mapmedic.model.inventory import (
    Account,
    HeapCheck,
    Holder,
    HolderKind,
    Inventory,
    InventoryTarget,
    MapInstance,
    OwnerKind,
    Snapshot,
    SnapshotMode,
)
from mapmedic.model.inventory_change import OwnerChange, OwnerFigures
from mapmedic.model.machine import CommandCheck, MachineCheck, ProcessExam, ProgramFacts, Status, WayFacts
from mapmedic.model.observation import MemoryPoint
from mapmedic.model.remedy import BackupPlan, Check, Condition, FixPlan, Outcome, Proof
from mapmedic.model.report import Requests
from mapmedic.model.restore import Restored, RestorePlan
from mapmedic.model.session import Artifact, Session
from mapmedic.model.tuning import Collections, SettingChange, TuneOutcome, TunePlan, WordWrite
from mapmedic.model.units import UnixNanoseconds
from mapmedic.remedy.journal import SCHEMA as JOURNAL
from mapmedic.report import json_output as out
from mapmedic.report.diff_table import diff_json
from mapmedic.report.entries_json import entries_json
from mapmedic.report.holders_tree import holders_json
from mapmedic.report.redaction import Redaction
from mapmedic.report.tuning import tune_json
from tests.support.command import SCHEMAS, schema, validate
from tests.unit.report.samples import heap_of

NAMES = sorted(path.name for path in SCHEMAS.glob("*.json"))
NAN, INFINITY = float("nan"), float("inf")
# As DESIGN words them, and what we added (fields may be added, never renamed).
DESIGN = {
    "diagnosis-1.json": "schema target verdict confidence reasons suspects not_captured",
    "outcome-1.json": "schema plan applied strategy pause_ms entries_removed journal_path before after proof",
    "heap-1.json": "schema target snapshot maps unread",
    "proof-1.json": "schema passed checks",
    "demo-1.json": "schema diagnosis outcome requests report_path",
}
OURS = {
    "diff-1.json": "schema before after by seconds doubts rows",
    "heap-1.json": "account goroutines stack_bytes holders checks counters garbage",
    "diagnosis-1.json": "next_steps go_version window_seconds captures",
    "outcome-1.json": "operation backup health dropped_at_unix_ns",
    "proof-1.json": "next_steps",
    "capture-1.json": "schema target path complete artifacts not_captured",
    "doctor-1.json": "schema checks process",
    "error-1.json": "schema error exit_code what where causes next",
    "flame-1.json": "schema target path pprof_path stacks frames_restored inuse_bytes gained_bytes window_seconds",
    "heap-entries-1.json": "schema target snapshot map contents raw notes",
    "heap-paths-1.json": "schema target snapshot map root steps others others_count",
    "journal-1.json": "schema at_unix_ns event",
    "restore-1.json": "schema target map backup conditions ready notes applied entries_before entries_after restored "
    "kept_newer pause_ms journal_path",
    "tune-1.json": "schema target settings changes conditions ready notes applied pause_ms journal_path rss_bytes "
    "collect",
    "plan-1.json": "schema target map kind type strategy entries steps conditions ready undo notes hold_seconds "
    "return_memory where matches max_lock_hold_ms backup",
}
SUSPECT = "code owner declared type site bytes entries growth_bytes_per_second evidence fix"
SUSPECT_OURS = "confidence reasons label kind growth_uncertainty_bytes_per_second stack removals"
VERDICTS = (
    "map_leak map_never_shrinks map_churn large_steady_map goroutine_leak slice_growth gc_lag idle_not_returned "
    "off_heap healthy undetermined"
)

EMPTY_SUSPECT = Suspect(Verdict.UNDETERMINED, 0.0, (), 0)
FULL_SUSPECT = Suspect(
    code=Verdict.MAP_LEAK, confidence=0.9, reasons=(Reason("grew", 0.5), Reason("short", -0.1)), bytes=1 << 40,
    site=Site("main.f", "m.go", 3), kind=ContainerKind.SYNC_MAP, owner="main.m", declared="main.m", label="m",
    type="map[int]int", entries=7, growth_bytes_per_second=-1.5, growth_uncertainty=0.1,
    evidence=(Evidence("a", 1, None, "s"), Evidence("b", "words", 0.5, "s", "bytes"), Evidence("c", 1.5, "x", "s")),
    stack=("main.main", "main.f"), fix=Fix("swap", None, "delete(m, k)"),
    removals=(Removal("delete", "m.go", 9, "delete(m, k)"),),
)  # fmt: skip
ABSURD_SUSPECT = replace(
    FULL_SUSPECT, confidence=NAN, reasons=(Reason("?", NAN),), bytes=-5, growth_bytes_per_second=INFINITY,
    growth_uncertainty=NAN, evidence=(Evidence("", NAN, INFINITY, ""),), site=Site("", None, None), fix=Fix("", "", ""),
    owner="\x00\ud800\x1b",
)  # fmt: skip
EMPTY_PLAN = FixPlan("t", "m", "map", "", "swap", None, (), (), "", (), 1, return_memory=False)
FULL_PLAN = replace(
    EMPTY_PLAN, kind="sync.Map", entries=1 << 62, steps=("a",), conditions=(Condition("c", False, "w"),),
    backup=BackupPlan("/f", None, None, 1 << 50, False, ("value.Conn",)),
)  # fmt: skip
BACKUP = Backup(
    "/b", BackupHeader("m", "map", "t", "u", "swap", "a-1", 3, True, (), "me", UnixNanoseconds(1), "0"),
    StreamEnd(3, 0, "e3"), 99,
)  # fmt: skip
CHECKS = (
    Check("a", None, None, None, None, False, ""),
    Check("b", NAN, -INFINITY, NAN, 0.4, True, "w", "bytes"),
)
PHASE = HealthPhase(3, 1, 0, None, NAN)
HEALTH = UrlHealth("http://t/h", 200, 300.0, PHASE, PHASE, HealthPhase(0, 0, 0, None, None), "it is slow")
RESTORE = RestorePlan("u", "m", BACKUP, None, (Condition("c", True, "w"),), ("n",))
POINT = MemoryPoint(UnixNanoseconds(1), 5, None, None)
EMPTY_OUTCOME = Outcome(EMPTY_PLAN, False, None, None, None, None, None, None, None)
FULL_OUTCOME = Outcome(
    FULL_PLAN, True, "op", 17_300, 7, "/j", POINT, POINT, Proof(True, CHECKS), backup=BACKUP, health=(HEALTH,)
)


def diagnosis(verdict: Verdict, *suspects: Suspect, **more: Any) -> Diagnosis:
    return replace(Diagnosis("t", verdict, 0.5, ("r",), suspects, (Blank("w", "y"),)), **more)


DIAGNOSES = (
    diagnosis(Verdict.HEALTHY, reasons=(), not_captured=()),
    diagnosis(Verdict.MAP_LEAK, FULL_SUSPECT, EMPTY_SUSPECT, go_version="go1.27.3", next_steps=("n",)),
    diagnosis(Verdict.UNDETERMINED, ABSURD_SUSPECT, confidence=NAN, window_seconds=NAN),
    diagnosis(Verdict.GC_LAG, confidence=INFINITY, window_seconds=-1.0),
    *(diagnosis(verdict) for verdict in Verdict),
)
ARTIFACT = Artifact("k", 0, UnixNanoseconds(1), "s", b"d")
INVENTORY = Inventory(
    InventoryTarget(1, "/x", "go1.27.3", False, ("nogreenteagc",)),
    Snapshot(SnapshotMode.FORK, 1.5, 3, 96, True),
    (
        MapInstance(
            4096,
            "main.m",
            "main.m",
            "main.m",
            None,
            OwnerKind.GLOBAL,
            "map[int]int",
            "swiss",
            3,
            8,
            208,
            0,
            160,
        ),
        MapInstance(
            8192,
            "map at 0x2000",
            None,
            None,
            None,
            OwnerKind.UNKNOWN,
            None,
            "classic",
            0,
            None,
            48,
            None,
            None,
        ),
    ),
    ("the stack of a goroutine",),
    holders=(
        Holder(
            12288,
            "main.log",
            "main.log",
            "main.log",
            None,
            OwnerKind.GLOBAL,
            HolderKind.SLICE,
            "[]*main.R",
            3,
            4,
            1 << 20,
            1 << 21,
        ),
        Holder(
            16384,
            "object at 0x4000",
            None,
            None,
            None,
            OwnerKind.UNKNOWN,
            HolderKind.OBJECT,
            None,
            None,
            None,
            48,
            1 << 20,
        ),
    ),
)
AGES = Ages(".seen", "time.Time", 1, 0, 0, 9.5, 9.5, 9.5, 0, 0, (AgeBand(0, None, 1),))
DECODED = (
    Plain("int", 1), Plain("float64", INFINITY), Text("string", "\ud800\x1b", 9, is_whole=False),
    Said("time.Time", "x"),
    Struct("main.T", (("A", Plain("*int", None)),), 3), Elements("[]int", 9, 9, (Plain("int", 2),)),
    Pointer("*int", 1, None, is_cycle=True), Boxed("any", Unreadable(7, "w")), Boxed("any", None),
)  # fmt: skip
CONTENTS = Contents(
    "string", "any", 9, 9, 900, tuple(Entry(each, each) for each in DECODED),
    (Grouping("prefix", (KeyGroup("a:", 9, 900),), 1),), (AGES,),
)  # fmt: skip
ACCOUNT = Account(1000, 1, 2, 3, 4, 5, 6, 7, 8, 1000)  # more than all of it: memory went meanwhile
ENTRIES = MapEntries(INVENTORY.target, INVENTORY.snapshot, INVENTORY.maps[0], CONTENTS, None, ())
UNTYPED = MapEntries(INVENTORY.target, INVENTORY.snapshot, INVENTORY.maps[1], None, "00ff", ("n",))
_FIGURES = OwnerFigures(2, 3, None, 4, None, None)
_CHANGE = OwnerChange("main.m", None, "main.m", None, "map[int]int", "swiss", None, _FIGURES)
COMPARISONS = (
    Comparison("a", "b", ComparedBy.OWNER, (), (0, 0), None, ()),
    Comparison(
        "a",
        "b",
        ComparedBy.SITE,
        (_CHANGE, replace(_CHANGE, before=_FIGURES, after=None)),
        (1, 2),
        0.5,
        ("d",),
    ),
)
HOLDERS = MapHolders(
    INVENTORY.target, INVENTORY.snapshot, INVENTORY.maps[0], "main.m",
    (HolderStep(4096, "main.m", None, 9),), (OtherHolder("main.T", "main.x", 0),), 3,
)  # fmt: skip
WORD = GcWord(4096, 8, NO_MEMORY_LIMIT)
TUNING = TunePlan(
    7, "/p", 1, GcWords(*[WORD] * 8), 1 << 30,
    (SettingChange("GOGC", 100, -1, "then", (WordWrite(4096, 4, 100, -1),)),), (Condition("c", True, "w"),), ("n",),
)  # fmt: skip
WAY = WayFacts(SnapshotMode.FREEZE, ("n",), 1.5, 9.0, 1, None)
EXAMS = (
    ProcessExam(1, "n", ProgramFacts(None), (), None, (CommandCheck("heap", False, "w", "x"),)),
    ProcessExam(
        1,
        "n",
        ProgramFacts("go1.26", ("a",), False, "b", True),
        (),
        WAY,
        (CommandCheck("c", True, "w", "x"),),
    ),
)
OUTPUTS: tuple[out.Json, ...] = (
    holders_json(HOLDERS),
    *map(entries_json, (ENTRIES, UNTYPED, Redaction().entries(ENTRIES), Redaction().entries(UNTYPED))),
    out.heap_json(INVENTORY),
    *map(diff_json, COMPARISONS),
    out.heap_json(replace(INVENTORY, account=ACCOUNT)),
    out.heap_json(INVENTORY.checked((HeapCheck("a", 1, 0, 1, True, ""), HeapCheck("b", 1, None, None, None, "w")))),
    out.heap_json(INVENTORY.checked((HeapCheck("c", -1, 0, 0, False, "why"),))),
    *map(out.diagnosis_json, DIAGNOSES),
    *map(out.plan_json, (EMPTY_PLAN, FULL_PLAN)),
    *map(out.outcome_json, (EMPTY_OUTCOME, FULL_OUTCOME)),
    *map(out.proof_json, (Proof(False, ()), Proof(True, CHECKS))),
    out.demo_json(DIAGNOSES[0], None, None, None),
    out.demo_json(DIAGNOSES[1], FULL_OUTCOME, Requests(9, 1, 1.0, NAN, None, 2.0, "x"), "/r.html"),
    out.capture_json("p", Session("t", "v", (), (), complete=False)),
    out.capture_json("p", Session("t", "v", (ARTIFACT,), (Blank("w", "y"),), True)),
    out.doctor_json(()),
    out.restore_json(RESTORE, None),
    out.restore_json(RESTORE, Restored(RESTORE, 3, 0, 17_300, None, "/j")),
    tune_json(TUNING),
    tune_json(replace(TUNING, words=GcWords(*[None] * 8), changes=())),
    tune_json(TUNING, TuneOutcome(TUNING, 310_000, "/j", TUNING.words, 1 << 29)),
    tune_json(replace(TUNING, collections=3)),
    tune_json(
        replace(TUNING, collections=3), TuneOutcome(TUNING, 0, "/j", TUNING.words, 0, Collections(3, 2, 30.01))
    ),
    out.flame_json("t", Path("p"), heap_of(())),
    out.flame_json("t", None, heap_of(()), Path("p"), HeapChange(heap_of(()), np.array([3.0, -1.0]), 5.0)),
    error_json(ProofFailed(("why",)), advise(ProofFailed(("why",)))),
    out.doctor_json([MachineCheck("n", status, "f", "e", next) for status in Status for next in (None, "x")]),
    *(out.doctor_json((), exam) for exam in EXAMS),
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_each_file_is_a_schema_of_its_name(name: str) -> None:
    contract = schema(name)
    Draft202012Validator.check_schema(contract)
    title = f"mapmedic.{'/'.join(name.removesuffix('.json').rsplit('-', 1))}"
    assert (contract["$schema"], contract["$id"], contract["title"]) == (
        "https://json-schema.org/draft/2020-12/schema", name, title,
    )  # fmt: skip
    assert contract["properties"]["schema"] == {"const": title}


@pytest.mark.parametrize("name", NAMES)
def test_required_are_the_fields_of_design_and_ours(name: str) -> None:
    expected = {*DESIGN.get(name, "").split(), *OURS.get(name, "").split()}
    assert set(schema(name)["required"]) == expected
    assert set(schema(name)["properties"]) == expected


def test_parts_of_the_contracts() -> None:
    suspect = schema("diagnosis-1.json")["properties"]["suspects"]["items"]
    assert set(suspect["required"]) == {*SUSPECT.split(), *SUSPECT_OURS.split()}
    assert {"claim", "measured", "threshold", "source"} <= set(
        suspect["properties"]["evidence"]["items"]["required"]
    )
    assert suspect["properties"]["fix"]["anyOf"][0]["required"] == ["strategy", "command", "patch_hint"]
    assert suspect["properties"]["site"]["anyOf"][0]["required"] == ["function", "file", "line"]
    assert schema("diagnosis-1.json")["properties"]["verdict"]["enum"] == VERDICTS.split() == list(Verdict)
    check = schema("proof-1.json")["properties"]["checks"]["items"]["required"]
    assert {"name", "before", "after", "change", "threshold", "passed", "why"} <= set(check)
    assert {"sent", "failed"} <= set(schema("demo-1.json")["properties"]["requests"]["required"])
    for moment in ("before", "after"):
        point = schema("outcome-1.json")["properties"][moment]["anyOf"][0]["required"]
        assert {"rss_bytes", "heap_alloc_bytes"} <= set(point)


def test_every_output_keeps_its_contract_as_text() -> None:
    for output in OUTPUTS:
        validate(json.loads(out.dump(output), parse_constant=pytest.fail))
    assert {output["schema"] for output in OUTPUTS} >= {
        f"mapmedic.{name}/1"
        for name in ("diagnosis", "plan", "outcome", "proof", "demo", "capture", "doctor")
    }


def test_every_output_has_exactly_the_fields_of_its_schema() -> None:
    for output in OUTPUTS:
        name = output["schema"].removeprefix("mapmedic.").replace("/", "-") + ".json"
        assert set(output) == set(schema(name)["properties"])


def test_a_flame_graph_of_no_number() -> None:
    for heap in (
        heap_of(()),
        heap_of((((Frame("f"),), 3.0, 4.0),)),
        heap_of((((Frame("f"),), NAN, INFINITY),)),
    ):
        validate(json.loads(out.dump(out.flame_json("t", Path("p"), heap))))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "journal-1.json"])
def test_a_schema_can_say_no(name: str) -> None:
    output = next(each for each in OUTPUTS if each["schema"] == schema(name)["title"])
    for field in schema(name)["required"]:
        broken = {key: value for key, value in output.items() if key != field}
        with pytest.raises((ValidationError, KeyError)):
            validate(broken)


def test_the_journals_schema_is_what_the_journal_writes() -> None:
    assert schema("journal-1.json")["title"] == JOURNAL


def test_no_field_of_the_model_is_forgotten() -> None:
    """A field that the model has and the contract has not is one that nobody will ever see."""
    said = {"growth_uncertainty": "growth_uncertainty_bytes_per_second"}
    shown = set(out.diagnosis_json(DIAGNOSES[1])["suspects"][0])
    assert {said.get(field.name, field.name) for field in fields(Suspect)} == shown
    assert {field.name for field in fields(Diagnosis)} | {"schema"} == set(out.diagnosis_json(DIAGNOSES[0]))
    assert {field.name for field in fields(FixPlan)} | {"schema", "ready"} == set(out.plan_json(EMPTY_PLAN))
