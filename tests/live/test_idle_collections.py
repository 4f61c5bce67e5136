"""Collections forced in a program in which nothing at all happens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mapmedic.goheap.gc_words import find_gc_words
from mapmedic.memory.program import read_program
from mapmedic.remedy.forced_gc import KNOCKED, RESTORED, force_collections
from mapmedic.remedy.journal import Journal
from mapmedic.remedy.knock import knock
from mapmedic.source.toolchain import GoToolchain
from tests.support.livefix_program import Livefix, build_livefix
from tests.support.toolchains import toolchains

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
IDLE = ("--entries", "100000", "--value-bytes", "512", "--idle")


@pytest.mark.parametrize("go", toolchains(), ids=lambda go: str(go.version))
def test_a_program_that_sleeps_is_woken_and_collects(go: GoToolchain, tmp_path: Path) -> None:
    with Livefix(build_livefix(go, tmp_path), "session-desk", *IDLE) as service:
        pid, journal = service.process.pid, Journal(tmp_path, "idle")
        words = find_gc_words(read_program(pid))
        forced = force_collections(
            pid, words, 3, journal, within_seconds=40.0, progress=lambda _what, _share: None
        )
        journal.close()
        assert forced.ended == 3
        said = [json.loads(line) for line in journal.path.read_text().splitlines()]
        knocked = [each["at"] for each in said if each["event"] == KNOCKED]
        assert knocked[0] == service.url.removeprefix("http://")
        assert said[-1]["event"] == RESTORED
        assert service.get("stats")["faults"]["wrong"] == 0


def test_nobody_is_knocked_at_where_nobody_listens() -> None:
    assert knock(2**22 + 1) is None


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"])
def test_the_port_is_found_however_it_is_listened_on(listen: str, tmp_path: Path) -> None:
    with Livefix(
        build_livefix(toolchains()[-1], tmp_path), "small-flags", "--idle", "--listen", listen
    ) as service:
        port = service.url.rpartition(":")[2]
        assert str(knock(service.process.pid)).endswith(f":{port}")
