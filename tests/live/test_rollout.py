"""One fix in several real services: the canary first, the others only while all is well."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mapmedic.demo.service import LabService, Scenario
from tests.live.scenarios import truth_of
from tests.support.command import COMMAND, environment, schema, validate

pytestmark = pytest.mark.live
ENTRIES = 30_000
TOKEN = "one-token-for-all-of-these-services"  # noqa: S105 - of services that end with the test
NOBODY = "http://127.0.0.1:1"
PATIENCE_SECONDS = 60
# The agent gives the memory back within its commit: what there is to watch is there at once.
SOON = ("--within", "2s")


class Pod(LabService):
    """A lab with the token that all of them have."""

    def __init__(self, binary: Path) -> None:
        super().__init__(binary, Scenario(entries=ENTRIES, rate=0))
        self.token = self._environment["MAPMEDIC_TOKEN"] = TOKEN

    def wait(self) -> None:
        """Wait until it has ended."""
        self._process.wait(PATIENCE_SECONDS)

    @property
    def entries(self) -> int:
        return int(truth_of(self.url)["entries"])


@pytest.fixture
def pods(lab_binary: Path) -> Iterator[list[Pod]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Pod(lab_binary)) for _ in range(3)]


def start(folder: Path, *words: object) -> subprocess.Popen[str]:
    command = [*COMMAND, "hotfix", "--map", "sessions", "--journal", folder, "--apply", *words]
    return subprocess.Popen(
        [*map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(MAPMEDIC_TOKEN=TOKEN, COLUMNS="80"),
    )  # fmt: skip


def roll_out(folder: Path, *words: object, said: str | None = None) -> tuple[int, str, str]:
    with start(folder, *words) as process:
        out, err = process.communicate(said, timeout=180)
    return process.returncode, out, err


def rolled_out(folder: Path, *words: object, said: str | None = None) -> tuple[int, Any]:
    code, out, err = roll_out(folder, "--json", *words, said=said)
    assert out, err
    value = json.loads(out)
    validate(value)
    assert value["exit_code"] == code
    return code, value


def events(folder: Path) -> list[dict[str, Any]]:
    """Return what the journal of the roll-out says, line by line, each after its own contract."""
    (path,) = folder.glob("*-rollout-*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        Draft202012Validator(schema("journal-1.json")).validate(line)
    return lines


def wait_for(folder: Path, event: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if any(event in path.read_text() for path in folder.glob("*.jsonl")):
            return
        time.sleep(0.05)
    raise AssertionError(f"no {event} in {folder}")


def states(value: Any) -> list[str]:
    return [each["state"] for each in value["targets"]]


def test_the_canary_is_watched_and_then_the_others_are_fixed(pods: list[Pod], tmp_path: Path) -> None:
    urls = [pod.url for pod in pods]
    watch = ("--canary", "--bake", "1s", "--health-url", "{target}/healthz", "--health-latency", "5s", *SOON)
    code, table, talk = roll_out(tmp_path, *urls, *watch)
    assert code == 0, table + talk
    assert all(len(line) <= 80 for line in table.splitlines() if "jsonl" not in line)
    assert [line.split()[:3] for line in table.splitlines()[3:6]] == [
        [str(ring), url, "proved"] for ring, url in enumerate(urls, 1)
    ]
    assert [pod.entries < ENTRIES / 10 for pod in pods] == [True, True, True]
    assert all(f"{url}: proved, {ENTRIES:,} entries left the map" in talk for url in urls)
    names = [each["event"].removeprefix("rollout.") for each in events(tmp_path)]
    ring = ["target_begun", "target_ended", "bake_begun", "bake_ended"]
    assert names == ["begun", *ring, *ring, *ring[:2], "ended"]
    for each in events(tmp_path):
        if each["event"] == "rollout.target_ended":
            (last,) = Path(each["target_journal"]).read_text().splitlines()[-1:]
            assert json.loads(last)["event"] == "proved"


def test_a_proof_that_fails_leaves_the_others_alone_and_what_is_done_is_not_done_again(
    pods: list[Pod], tmp_path: Path
) -> None:
    urls = [pod.url for pod in pods]
    rings = ("--rings", "1,100%", "--bake", "0s")
    code, value = rolled_out(tmp_path, *urls, *rings, "--expect-drop", "0.99", *SOON)
    assert (code, states(value)) == (5, ["not_proved", "pending", "pending"])
    assert pods[0].entries < ENTRIES / 10 and [pod.entries for pod in pods[1:]] == [ENTRIES, ENTRIES]
    assert value["stopped"].startswith(urls[0])
    journal = value["journal_path"]
    code, value = rolled_out(tmp_path, *urls, *rings, *SOON, "--resume", journal)
    assert (code, states(value)) == (5, ["not_proved", "proved", "proved"])
    assert [each["earlier"] for each in value["targets"]] == [True, False, False]
    assert value["journal_path"] == journal
    begun = [each["target"] for each in events(tmp_path) if each["event"] == "rollout.target_begun"]
    assert begun == urls


def test_a_canary_that_dies_after_its_fix_stops_the_rest(pods: list[Pod], tmp_path: Path) -> None:
    urls = [pod.url for pod in pods]
    with start(tmp_path, *urls, "--canary", "--bake", "3s", "--json", *SOON) as process:
        wait_for(tmp_path, "rollout.bake_begun")
        os.kill(pods[0].pid, signal.SIGKILL)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 5, err
    value = json.loads(out)
    assert states(value) == ["unwell", "pending", "pending"]
    assert "cannot be reached" in value["targets"][0]["why"]
    assert [pod.entries for pod in pods[1:]] == [ENTRIES, ENTRIES]


def test_an_interrupt_ends_it_before_the_next_target_and_it_can_go_on(
    pods: list[Pod], tmp_path: Path
) -> None:
    urls = [pod.url for pod in pods]
    words = (*urls, "--rings", "100%", *SOON)
    with start(tmp_path, *words) as process:
        wait_for(tmp_path, "detaching")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "stopping before the next target" in err
    assert out.startswith("Interrupted: 1 of 3 targets are fixed and proved; no further one was touched.")
    assert [pod.entries < ENTRIES / 10 for pod in pods] == [True, False, False]
    (journal,) = tmp_path.glob("*-rollout-*.jsonl")
    assert f"--resume {journal}" in out
    code, value = rolled_out(tmp_path, *words, "--resume", journal)
    assert (code, states(value)) == (0, ["proved"] * 3)


def test_who_cannot_be_reached_is_left_out(pods: list[Pod], tmp_path: Path) -> None:
    listed = f"# pods\n{pods[0].url} {pods[0].url}/healthz\n\n{NOBODY}\n{pods[1].url}\n"
    code, value = rolled_out(tmp_path, "@-", "--canary", "--bake", "0s", *SOON, said=listed)
    assert (code, states(value)) == (3, ["proved", "skipped", "proved"])
    assert value["stopped"] is None and value["targets"][0]["outcome"]["health"][0]["well"]
    assert pods[2].entries == ENTRIES


def test_a_plan_of_all_changes_nothing(pods: list[Pod], tmp_path: Path) -> None:
    command = [
        *COMMAND,
        "hotfix",
        *(pod.url for pod in pods),
        NOBODY,
        "--map",
        "sessions",
        "--canary",
        "--json",
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=environment(MAPMEDIC_TOKEN=TOKEN),
        timeout=60,
        check=False,
    )
    value = json.loads(done.stdout)
    validate(value)
    assert (done.returncode, states(value)) == (3, ["ready"] * 3 + ["skipped"])
    assert [pod.entries for pod in pods] == [ENTRIES] * 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("may_trace")
def test_processes_without_an_agent_are_fixed_in_rings_too(pods: list[Pod], tmp_path: Path) -> None:
    listed = "".join(f"pid:{pod.pid} {pod.url}/healthz\n" for pod in pods)
    # The last of them has ended, and its number is nobody's.
    os.kill(pods[2].pid, signal.SIGKILL)
    pods[2].wait()
    words = ("@-", "--canary", "--bake", "1s", "--health-latency", "5s", "--wait", "30s")
    code, value = rolled_out(tmp_path, *words, said=listed)
    assert (code, states(value), value["strategy"]) == (3, ["proved", "proved", "skipped"], "reset"), value
    assert all(pod.entries < ENTRIES / 10 for pod in pods[:2])
    for each in value["targets"][:2]:
        (health,) = each["outcome"]["health"]
        assert health["well"] and health["before"]["probes"] == 10 and health["after"]["probes"] > 1
        assert each["outcome"]["entries_removed"] == ENTRIES


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((NOBODY, "http://127.0.0.1:2"), "--canary"),
        ((NOBODY, "http://127.0.0.1:2", "--canary", "--backup", "x"), "one file for one target"),
        ((NOBODY, "--canary", "--plan", __file__), "--plan is"),
        (("pid:1", "pid:2", "--canary", "--plan", __file__), "--plan is the plan of one process"),
        ((NOBODY, "pid:1", "--canary", "--redact"), "--redact is for processes"),
        ((NOBODY, NOBODY, "--canary"), "named twice"),
        ((NOBODY, "--canary", "--rings", "0"), "no rings"),
        (("@/no/such/file", "--canary"), "cannot read /no/such/file"),
    ],
)
def test_words_that_do_not_go_together(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    code, _, talk = roll_out(tmp_path, *words)
    assert code in (2, 3) and said in talk
    assert list(tmp_path.iterdir()) == []
