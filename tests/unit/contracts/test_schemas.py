"""The JSON contracts: the schemas are schemas, hold DESIGN's fields, and our outputs keep to them."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from mapmedic.formats.journal import JOURNAL_SCHEMA
from mapmedic.model.findings import Diagnosis, Suspect, Verdict
from mapmedic.model.frames import Frame
from mapmedic.model.remedy import FixPlan
from mapmedic.report import json_output as out
from tests.support.command import SCHEMAS, schema, validate
from tests.unit.contracts.outputs import DIAGNOSES, EMPTY_PLAN, INFINITY, NAN, OUTPUTS
from tests.unit.report.sample_heaps import heap_of

NAMES = sorted(path.name for path in SCHEMAS.glob("*.json"))
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
    "outcome-1.json": "operation backup health dropped_at_unix_ns acted saved difference fields ended_collections call",
    "proof-1.json": "next_steps",
    "demo-1.json": "service",
    "capture-1.json": "schema target path complete artifacts not_captured",
    "doctor-1.json": "schema checks watchpoints process",
    "error-1.json": "schema error exit_code what where causes next",
    "flame-1.json": "schema target path pprof_path stacks frames_restored inuse_bytes gained_bytes window_seconds",
    "heap-entries-1.json": "schema target snapshot map contents raw notes",
    "heap-paths-1.json": "schema target snapshot map root steps others others_count",
    "journal-1.json": "schema at_unix_ns event",
    "raw_entries-1.json": "schema part address bytes unit_bytes unit_is_exact base64 left_out",
    "restore-1.json": "schema target map backup conditions ready notes applied entries_before entries_after restored "
    "kept_newer pause_ms journal_path",
    "rollout-1.json": "schema map strategy applied rings bake_seconds targets counts stopped interrupted journal_path "
    "exit_code",
    "journal-story-1.json": "schema path what target steps reached verdict cannot_tell next files",
    "tune-1.json": "schema target settings changes conditions ready notes applied pause_ms journal_path rss_bytes "
    "collect",
    "plan-1.json": "schema target map kind type strategy entries steps conditions ready undo notes hold_seconds "
    "return_memory where matches max_lock_hold_ms backup outside call",
}
SUSPECT = "code owner declared type site bytes entries growth_bytes_per_second evidence fix"
SUSPECT_OURS = "confidence reasons label kind growth_uncertainty_bytes_per_second stack removals"
VERDICTS = (
    "map_leak map_never_shrinks map_churn large_steady_map goroutine_leak slice_growth gc_lag idle_not_returned "
    "off_heap healthy undetermined"
)


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
    assert schema("journal-1.json")["title"] == JOURNAL_SCHEMA


def test_no_field_of_the_model_is_forgotten() -> None:
    """A field that the model has and the contract has not is one that nobody will ever see."""
    said = {"growth_uncertainty": "growth_uncertainty_bytes_per_second"}
    shown = set(out.diagnosis_json(DIAGNOSES[1])["suspects"][0])
    assert {said.get(field.name, field.name) for field in fields(Suspect)} == shown
    assert {field.name for field in fields(Diagnosis)} | {"schema"} == set(out.diagnosis_json(DIAGNOSES[0]))
    assert {field.name for field in fields(FixPlan)} | {"schema", "ready"} == set(out.plan_json(EMPTY_PLAN))
