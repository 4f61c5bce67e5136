"""One of each thing that is printed as JSON, empty, full and absurd; ``OUTPUTS`` is all of it, printed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mapmedic.cli.advice import advise
from mapmedic.cli.error_output import error_json
from mapmedic.errors import ProofFailed
from mapmedic.model.acted import Acted, Stage, Try
from mapmedic.model.backup import Backup, BackupHeader, StreamEnd
from mapmedic.model.call import CallDone, CallEnd
from mapmedic.model.comparison import ComparedBy, Comparison
from mapmedic.model.entries import AgeBand, Ages, Contents, Entry, Grouping, KeyGroup, MapEntries
from mapmedic.model.findings import Blank, Diagnosis, Evidence, Fix, Reason, Removal, Site, Suspect, Verdict
from mapmedic.model.frames import ContainerKind
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
from mapmedic.model.journal import JournalStory, Reached, SavedFile
from mapmedic.model.machine import CommandCheck, MachineCheck, ProcessExam, ProgramFacts, Status, WayFacts
from mapmedic.model.map_lock import LockKind, MapLock
from mapmedic.model.observation import MemoryPoint
from mapmedic.model.remedy import BackupPlan, Check, Condition, FixPlan, Outcome, Proof
from mapmedic.model.report import Requests, Service
from mapmedic.model.restore import Restored, RestorePlan
from mapmedic.model.rollout import Ring, Rollout, TargetResult, TargetState
from mapmedic.model.safe_moment import Hindrance, Unsafe
from mapmedic.model.saved_entries import SavedDifference, SavedEntries
from mapmedic.model.session import Artifact, Session
from mapmedic.model.tuning import Collections, SettingChange, TuneOutcome, TunePlan, WordWrite
from mapmedic.model.units import UnixNanoseconds
from mapmedic.report import json_output as out
from mapmedic.report.diff_table import diff_json
from mapmedic.report.entries_json import entries_json
from mapmedic.report.holders_tree import holders_json
from mapmedic.report.journal import journal_json
from mapmedic.report.redaction import Redaction
from mapmedic.report.rollout import rollout_json
from mapmedic.report.tuning import tune_json
from tests.support.call_plans import call_plan
from tests.support.outside_plans import outside_plan
from tests.unit.report.sample_heaps import heap_of

NAN, INFINITY = float("nan"), float("inf")
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
MAP_LOCK = MapLock(LockKind.RW_MUTEX, 4160, "\x1b beside it")
OUTSIDE = outside_plan(locks=(MAP_LOCK,), measured_ms=(0.25, 1.5))
OUTSIDE_PLAN = replace(EMPTY_PLAN, strategy="reset", hold_seconds=0, outside=OUTSIDE)
BARE_PLAN = replace(OUTSIDE_PLAN, outside=outside_plan(locks=(), holders=None, contents=None, saving=None))
ACTED = Acted(
    (Stage(7, 1.5, 0.75, ("e",), is_last=True),),
    (Try(0.1, 0.0, Unsafe(Hindrance.LOCKED, "held")),),
    whole=False,
)
CHECKS = (
    Check("a", None, None, None, None, False, ""),
    Check("b", NAN, -INFINITY, NAN, 0.4, True, "w", "bytes"),
)
PHASE = HealthPhase(3, 1, 0, None, NAN)
HEALTH = UrlHealth("http://t/h", 200, 300.0, PHASE, PHASE, HealthPhase(0, 0, 0, None, None), "it is slow")
RESTORE = RestorePlan("u", "m", BACKUP, None, (Condition("c", True, "w"),), ("n",))
POINT = MemoryPoint(UnixNanoseconds(1), 5, None, None)
OUTSIDE_OUTCOME = Outcome(
    OUTSIDE_PLAN, True, None, 1, 7, "/j", POINT, None, None, acted=ACTED, ended_collections=3,
    saved=SavedEntries("/e", 7, 99, "e3", 1, 0, UnixNanoseconds(5)),
    difference=SavedDifference("/d", 1, 2, 3, True, "", 4.5),
)  # fmt: skip
CALL_PLAN = replace(
    EMPTY_PLAN, kind="function", strategy="call", entries=None, call=call_plan(locks=(MAP_LOCK,))
)
CALL_OUTCOMES = [
    Outcome(CALL_PLAN, True, None, None, None, "/j", POINT, POINT, None, call=CallDone(end, 3, 4, 5.5, panic))
    for end, panic in ((CallEnd.PANICKED, "string: \x1b no"), (CallEnd.RUNNING, None))
]
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
ROLLOUT = Rollout(
    "m", "swap", True, (Ring(1, 0, 1, "10%"),), 0.5,
    (
        TargetResult("a", 1, TargetState.PROVED, plan=FULL_PLAN, outcome=FULL_OUTCOME, journal_path="/j"),
        TargetResult("b", None, TargetState.NOT_READY, "w", plan=EMPTY_PLAN),
        *(TargetResult(state.value, 1, state, "w", 5, earlier=True) for state in TargetState),
    ),
    "a: w", True, "/r",
)  # fmt: skip
STORY = JournalStory(
    "/j/a.jsonl", "a fix from outside", "process 7", ((5, "planned"),), Reached.DONE, "it went to its end",
    ("what was in the map",), ("mapmedic doctor",), (SavedFile("/j/a.entries", None, None),),
)  # fmt: skip
OUTPUTS: tuple[out.Json, ...] = (
    *map(rollout_json, (ROLLOUT, Rollout("m", "swap", False, (), 0.0, ()))),
    holders_json(HOLDERS),
    *map(entries_json, (ENTRIES, UNTYPED, Redaction().entries(ENTRIES), Redaction().entries(UNTYPED))),
    out.heap_json(INVENTORY),
    *map(diff_json, COMPARISONS),
    out.heap_json(replace(INVENTORY, account=ACCOUNT)),
    out.heap_json(INVENTORY.checked((HeapCheck("a", 1, 0, 1, True, ""), HeapCheck("b", 1, None, None, None, "w")))),
    out.heap_json(INVENTORY.checked((HeapCheck("c", -1, 0, 0, False, "why"),))),
    *map(out.diagnosis_json, DIAGNOSES),
    *map(out.plan_json, (EMPTY_PLAN, FULL_PLAN, OUTSIDE_PLAN, BARE_PLAN, CALL_PLAN)),
    *map(out.outcome_json, (EMPTY_OUTCOME, FULL_OUTCOME, OUTSIDE_OUTCOME, *CALL_OUTCOMES)),
    *map(out.proof_json, (Proof(False, ()), Proof(True, CHECKS))),
    out.demo_json(DIAGNOSES[0], None, None, None),
    out.demo_json(
        DIAGNOSES[1], FULL_OUTCOME, Requests(9, 1, 1.0, NAN, None, 2.0, "x"), "/r.html", Service("go1.26", True, False)
    ),
    out.capture_json("p", Session("t", "v", (), (), complete=False)),
    out.capture_json("p", Session("t", "v", (ARTIFACT,), (Blank("w", "y"),), True)),
    out.doctor_json(()),
    out.restore_json(RESTORE, None),
    out.restore_json(RESTORE, Restored(RESTORE, 3, 0, 17_300, None, "/j")),
    journal_json(STORY),
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
    # The lines of an export are made where the bytes are: tests/live/test_entries_backup.py validates real ones.
    *(
        {"schema": "mapmedic.raw_entries/1", "part": "groups", "address": "0x10", "bytes": 8, "unit_bytes": 8,
         "unit_is_exact": False, "base64": text, "left_out": why}
        for text, why in (("AAAAAAAAAAA=", None), (None, "redacted"), (None, "unreadable"))
    ),
)  # fmt: skip
