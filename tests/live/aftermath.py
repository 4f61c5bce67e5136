"""What a look must not leave behind: a stopped thread, a tracer, a copy that runs, a service that is silent."""

from __future__ import annotations

import time
from pathlib import Path

from tests.live.scenarios import truth_of

_ON_ITS_WAY_OUT_SECONDS = 10.0


def traces_left(pid: int, url: str) -> list[str]:
    """Return a sentence for each trace that a look left on ``pid``; the service at ``url`` must answer."""
    deadline = time.monotonic() + _ON_ITS_WAY_OUT_SECONDS
    while (wrong := _wrong_with(pid)) and time.monotonic() < deadline:
        time.sleep(0.02)  # a copy that was let go is on its way out
    if truth_of(url)["pid"] != pid:
        wrong.append("another process answers")
    return wrong


def _wrong_with(pid: int) -> list[str]:
    wrong = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        status = dict(
            line.split(":", 1) for line in (task / "status").read_text().splitlines() if ":" in line
        )
        if status["State"].split()[0] in "tT" or int(status["TracerPid"]):
            wrong.append(
                f"thread {task.name}: {status['State'].strip()}, tracer {status['TracerPid'].strip()}"
            )
        for child in (task / "children").read_text().split():
            state = Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0]
            if state != "Z":
                wrong.append(f"child {child} in state {state}")
    return wrong
