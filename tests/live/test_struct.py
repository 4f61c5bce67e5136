"""Maps of one struct emptied from outside in one stop: those that are meant, and no other byte of it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mapmedic import api
from mapmedic.errors import CouldNotLook
from tests.support.command import COMMAND, environment, validate
from tests.support.toolchains import NEWEST_CLASSIC, minor, toolchains

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
PROGRAM = Path(__file__).parent / "struct_program"
BUILDS = {"plain": (), "stripped": ("-ldflags=-s -w",)}
# By its path; without symbols nobody knows what the variable is called, but what type it is.
NAMES = {"plain": "main.mgr", "stripped": "main.Manager"}
# Before Go 1.24 a stripped program says of no map what type it is, and so of no struct that holds only such maps.
CELLS = [
    (go, build) for go in toolchains() for build in BUILDS if build == "plain" or minor(go) > NEWEST_CLASSIC
]
EVICT = ("--struct", "Manager", "--strategy", "evict")
PATIENT = ("--wait", "60s", "--max-stop", "200", "--within", "5s")


@dataclass
class Program:
    process: subprocess.Popen[str]
    build: str

    @property
    def struct(self) -> str:
        return NAMES[self.build]

    def tell(self) -> Any:
        """Return how its maps are, by its own account."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@dataclass(frozen=True)
class Built:
    binary: Path
    build: str


@pytest.fixture(scope="module", params=CELLS, ids=lambda cell: f"{cell[0].version}-{cell[1]}")
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    go, build = request.param
    binary = tmp_path_factory.mktemp("struct") / "program"
    command = [str(go.path), "build", *BUILDS[build], "-o", str(binary), "."]
    subprocess.run(command, cwd=PROGRAM, env=go.environment, check=True, timeout=300)
    return Built(binary, build)


@pytest.fixture
def program(built: Built) -> Iterator[Program]:
    pipe = subprocess.PIPE
    with subprocess.Popen([built.binary], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None and process.stdout.readline().startswith("READY")
        try:
            yield Program(process, built.build)
        finally:
            process.kill()


def hotfix(program: Program, folder: Path, *words: str) -> tuple[int, Any, str]:
    command = [*COMMAND, "hotfix", str(program.process.pid), "--journal", str(folder), "--json", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=180, check=False, env=environment()
    )
    value = json.loads(done.stdout)
    validate(value)
    return done.returncode, value, done.stderr


def test_the_fields_that_are_meant_are_emptied_in_one_stop(program: Program, tmp_path: Path) -> None:
    before = program.tell()
    words = ("--struct", program.struct, "--field", "sessions", "--field", "cache>10000", *PATIENT)
    code, outcome, talk = hotfix(program, tmp_path, *words, "--apply")
    after = program.tell()
    assert code in (0, 5), talk  # the maps are small, so the memory proves little
    assert outcome["plan"]["kind"] == "struct" and outcome["plan"]["map"] == program.struct
    fields = {each["name"]: each for each in outcome["plan"]["outside"]["fields"]}
    assert {name: each["chosen"] for name, each in fields.items()} == {
        "sessions": True, "cache": True, "quotas": False,
    }  # fmt: skip
    (stage,) = outcome["acted"]["stages"]
    assert stage["entries"] == outcome["entries_removed"] >= 60_000
    for field in ("sessions", "cache"):
        assert any(each.startswith(f"{field}: none of ") for each in stage["evidence"])
    # What work puts in is all there is; what was not meant, and the places of the headers, are as they were.
    assert after["entries"]["sessions"] <= 50 and after["entries"]["cache"] <= 50
    assert after["entries"]["quotas"] == 2
    assert (after["headers"], after["rest"]) == (before["headers"], before["rest"])
    assert after["hits"] > before["hits"] and after["faults"] == 0
    assert [each["name"] for each in outcome["fields"]] == ["cache", "sessions"]
    for each in outcome["fields"]:
        assert each["saved"]["entries"] >= 20_000 and Path(each["saved"]["path"]).is_file()
    assert_each_field_is_exported_alone(outcome)
    events = [json.loads(line)["event"] for line in Path(outcome["journal_path"]).read_text().splitlines()]
    assert events.count("outside.written") == 1 and events.count("outside.saved") == 2


def assert_each_field_is_exported_alone(outcome: Any) -> None:
    """Two maps are no one list of entries: the journal says which files there are."""
    with pytest.raises(CouldNotLook, match="it saved 2 maps"):
        api.export_entries(Path(outcome["journal_path"]))
    cache = next(each for each in outcome["fields"] if each["name"] == "cache")
    assert len(list(api.export_entries(Path(cache["saved"]["path"])))) >= 20_000


def test_a_field_that_does_not_fit_its_condition_is_left_as_it_is(program: Program, tmp_path: Path) -> None:
    words = ("--struct", program.struct, "--field", "sessions", "--field", "cache>1000000", *PATIENT)
    code, outcome, talk = hotfix(program, tmp_path, *words, "--no-backup", "--apply")
    after = program.tell()
    assert code in (0, 5), talk
    assert after["entries"]["sessions"] <= 50 and after["entries"]["cache"] >= 20_000
    assert after["faults"] == 0 and outcome["fields"] == []


def test_entries_go_by_condition_from_each_field(program: Program, tmp_path: Path) -> None:
    if program.build == "stripped":
        pytest.skip("a struct is found without symbols as above; this takes seconds")
    before = program.tell()
    where = ("--where", "sessions: key glob session-12*", "--where", "cache: value prefix page 12")
    words = ("--struct", program.struct, "--strategy", "evict", *where, *PATIENT, "--within", "1s")
    agreed = tmp_path / "plan.json"
    code, plan, talk = hotfix(program, tmp_path, *words, "--redact")
    agreed.write_text(json.dumps(plan))
    assert code == 0 and "session-12" not in agreed.read_text() and "page 12" not in agreed.read_text(), talk
    code, outcome, talk = hotfix(program, tmp_path, *words, "--redact", "--plan", str(agreed), "--apply")
    after = program.tell()
    assert code in (0, 5), talk
    fields = {each["name"]: each for each in outcome["plan"]["outside"]["fields"]}
    # 12, 120 to 129, 1,200 to 1,299, 12,000 to 12,999.
    assert {name: each["matches"] for name, each in fields.items()} == {
        "sessions": 1_111, "cache": 1_111, "quotas": None,
    }  # fmt: skip
    checks = {each["name"]: each for each in outcome["proof"]["checks"]}
    assert checks["entries.sessions"]["passed"] and checks["entries.cache"]["passed"]
    went = {
        name: before["entries"][name] - after["entries"][name] for name in ("sessions", "cache", "quotas")
    }
    # Work may put in 50 meanwhile, and what it holds at the moment stays.
    assert all(1_000 <= went[name] <= 1_111 for name in ("sessions", "cache")) and went["quotas"] == 0
    assert outcome["entries_removed"] <= 2_222 and outcome["acted"]["whole"]
    assert (after["headers"], after["rest"], after["faults"]) == (before["headers"], before["rest"], 0)
    journal = Path(outcome["journal_path"]).read_text()
    assert "session-12" not in journal and "page 12" not in journal


def test_a_field_that_cannot_be_asked_is_left_out_and_told(program: Program, tmp_path: Path) -> None:
    words = ("--struct", program.struct, "--strategy", "evict", "--where", "key prefix session-", *PATIENT)
    code, plan, talk = hotfix(program, tmp_path, *words)
    fields = {each["name"]: each for each in plan["outside"]["fields"]}
    assert code == 0 and [name for name, each in fields.items() if each["chosen"]] == ["sessions"], talk
    assert "prefix cannot be asked of a int" in fields["cache"]["why_left"]
    assert fields["quotas"]["why_left"] == "none of its entries fits"


def test_a_plan_for_all_fields_changes_nothing(program: Program, tmp_path: Path) -> None:
    code, plan, talk = hotfix(program, tmp_path, "--struct", program.struct, *PATIENT)
    assert code == 0 and plan["ready"], (plan["conditions"], talk)
    assert [each["name"] for each in plan["outside"]["fields"] if each["chosen"]] == [
        "cache",
        "quotas",
        "sessions",
    ]
    (lock,) = plan["outside"]["locks"]
    assert lock["kind"] == "sync.Mutex"
    after = program.tell()
    assert after["entries"]["sessions"] >= 40_000 and after["entries"]["cache"] >= 20_000
    assert list(tmp_path.glob("*.jsonl")) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--struct", "main.Spare"), "2 structs"),
        (("--struct", "main.Row"), ("2 structs", "several main.Row lie in one object")),
        (("--struct", "main.Nothing"), "Nothing"),
        (("--struct", "Manager", "--field", "order"), "order"),
        (("--struct", "Manager", "--field", "cache>10000000"), "no field fits"),
        (("--struct", "Manager", "--field", "cache", "--field", "cache>5"), "is there twice"),
        (("--struct", "Manager", "--map", "m"), "say which map"),
        (("--map", "Manager.cache", "--field", "cache"), "--field goes with --struct"),
        (("--struct", "Manager", "--field", "a>b"), "no field"),
        ((*EVICT, "--field", "cache", "--where", "key prefix a"), "cache: 'key prefix a': prefix cannot"),
        ((*EVICT, "--field", "cache", "--where", "quotas: key prefix a"), "no --where for it"),
        ((*EVICT, "--where", "order: key prefix a"), "order"),
    ],
)
def test_a_struct_that_cannot_be_meant_is_refused(
    program: Program, tmp_path: Path, words: tuple[str, ...], said: str | tuple[str, str]
) -> None:
    code, error, talk = hotfix(program, tmp_path, *words)
    one_of = (said,) if isinstance(said, str) else said
    assert code == (4 if said == "no field fits" else 2) and any(
        each in error["what"] + talk for each in one_of
    ), talk
    assert program.tell()["entries"]["sessions"] >= 40_000


def test_one_of_several_of_a_type_is_told_by_its_address(program: Program, tmp_path: Path) -> None:
    _, error, _ = hotfix(program, tmp_path, "--struct", "main.Spare")
    addresses = re.findall(r"0x[0-9a-f]+", error["where"])
    assert len(addresses) == 2
    code, plan, talk = hotfix(program, tmp_path, "--struct", addresses[1], *PATIENT)
    (field,) = plan["outside"]["fields"]
    assert (code, field["name"], field["entries"], field["chosen"]) == (0, "items", 2, True), talk
