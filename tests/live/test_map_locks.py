"""The lock of a map: the right one, or none, never a wrong one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mapmedic.goheap.heap import GoHeap, survey_heap
from mapmedic.goheap.inventory import take_inventory
from mapmedic.goheap.map_locks import find_locks
from mapmedic.goheap.names import GlobalNames, read_names
from mapmedic.memory.snapshot import read_process
from mapmedic.model.inventory import Inventory, Limits
from mapmedic.model.map_lock import MapLocks
from mapmedic.source.toolchain import GoToolchain
from tests.live.test_stacks import PATIENCE_MS, toolchains
from tests.support.livefix_program import Livefix, build_livefix

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
PROGRAM = Path(__file__).parent / "lock_program"
FLAGS = {"plain": (), "stripped": ("-ldflags=-s -w",)}
# Nothing says who locks for the notes; for what a closure alone holds, or another map, the lock lies elsewhere.
NOT_FOUND = {"lone-notes", "closure-cards", "nested-rooms"}
# Only DWARF tells what lies in a variable that is a struct, and a generic instance is named by a dictionary alone.
NOT_FOUND_STRIPPED = NOT_FOUND | {"session-desk", "sharded-devices", "generic-cache"}
# Maps of the standard library, and the variables that guard them (src/syscall/env_unix.go, src/os/signal/signal.go).
STANDARD = {"syscall.env": "syscall.envLock", "os/signal.handlers.m": "os/signal.handlers"}


class Looked:
    """A process that was looked at once."""

    def __init__(self, pid: int) -> None:
        memory = read_process(pid, Limits(max_pause_ms=PATIENCE_MS))
        self.names: GlobalNames | None = read_names(memory, Path(f"/proc/{pid}/exe").read_bytes())
        self.heap: GoHeap = survey_heap(memory, self.names)
        self.inventory: Inventory = take_inventory(self.heap, self.names)

    def locks(self, address: int) -> MapLocks | None:
        """Return the locks of the map there, None where the inventory has no such map."""
        found = [each for each in self.inventory.maps if each.address == address]
        return find_locks(self.heap, found[0], self.names) if found else None


@pytest.mark.parametrize("how", FLAGS)
@pytest.mark.parametrize("go", toolchains(), ids=lambda go: str(go.version))
def test_the_maps_of_a_service_have_their_own_locks(go: GoToolchain, how: str, tmp_path: Path) -> None:
    with Livefix(build_livefix(go, tmp_path, *FLAGS[how]), "all", "--entries", "300") as livefix:
        looked, kinds = Looked(livefix.process.pid), livefix.get("truth")["kinds"]
    missing = set()
    for kind, truth in kinds.items():
        for place in truth["places"]:
            found = looked.locks(place["map"])
            if found is None or (not found.locks and not found.guards_itself):
                missing.add(kind)
                continue
            assert found.guards_itself == (place["lock_kind"] == "sync.Map"), (kind, found)
            told = [(each.kind.value, each.address) for each in found.locks]
            own = (place["lock_kind"], place["lock"])
            # Two structs hold that map, each with a lock beside it: both are asked.
            assert told in ([], [own]) or (kind == "mirrored-desk" and own in told), (kind, found)
            assert all(each.evidence for each in found.locks)
    # A map that the inventory of a stripped program does not list has no lock to be asked for.
    assert missing <= (NOT_FOUND if how == "plain" else NOT_FOUND_STRIPPED | {"wide-archive"})
    if looked.names is not None:
        expect_standard_library(looked, looked.names)


def expect_standard_library(looked: Looked, names: GlobalNames) -> None:
    for map_ in looked.inventory.maps:
        guard = STANDARD.get(map_.owner)
        found = find_locks(looked.heap, map_, names)
        if guard is not None:
            variables = [names.variable(each.address) for each in found.locks]
            assert [variable and variable[0] for variable in variables] == [guard], found


@pytest.mark.parametrize("how", FLAGS)
@pytest.mark.parametrize("go", toolchains(), ids=lambda go: str(go.version))
def test_all_locks_that_may_be_it_and_none_that_is_only_near(
    go: GoToolchain, how: str, tmp_path: Path
) -> None:
    program = tmp_path / "locks"
    command = [str(go.path), "build", *FLAGS[how], "-o", str(program), "."]
    subprocess.run(command, cwd=PROGRAM, env=go.environment, check=True, timeout=400)
    pipe = subprocess.PIPE
    with subprocess.Popen([program], stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            lines = iter(process.stdout.readline, "READY\n")
            truth = {name: [int(word) for word in rest] for name, *rest in map(str.split, lines)}
            looked = Looked(process.pid)
        finally:
            process.kill()
    found = {name: looked.locks(address) for name, (address, *_) in truth.items()}
    told = {name: {each.address for each in locks.locks} for name, locks in found.items() if locks}
    assert told == {name: set(locks) for name, (_, *locks) in truth.items()}
    assert all(locks and (locks.locks or locks.why_none) for locks in found.values())
    torn = found["torn"]
    assert torn is not None
    assert len(torn.candidates) == 2
