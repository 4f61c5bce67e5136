"""One lab scenario looked into from outside, held against the lab's own truth about itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mapmedic import api
from mapmedic.demo.service import LabService, Scenario
from mapmedic.model.inventory import Account, Inventory, MapInstance
from tests.live.aftermath import traces_left
from tests.live.scenarios import truth_of, wait_until_flat

# Enough for several tables and overflow buckets, little enough for hundreds of cells; nothing moves (rate 0).
HEAP_SCENARIOS = {
    name: Scenario(name, entries=entries, rate=0)
    for name, entries in {
        "batch-maps": 20_000, "bounded-lru": 4_000, "channel-buffer": 12_000, "closure-map": 20_000,
        "emptied-map": 100_000, "finalizer-map": 12_000, "generic-cache": 20_000, "global-map": 20_000,
        "goroutine-leak": 3_000, "goroutine-local": 20_000, "high-gogc": 5_000, "high-gogc-leak": 20_000,
        "huge-values": 60, "idle-heap": 20_000, "map-of-maps": 20_000, "off-heap": 40, "sharded-map": 20_000,
        "slice-growth": 20_000, "steady-cache": 20_000, "struct-field": 20_000, "sync-map": 20_000,
        "ttl-cache": 6_000, "warm-up": 2_000,
    }.items()
}  # fmt: skip
# Nothing of a pause is promised on a machine that runs two labs at a time; it is printed.
PATIENCE_MS = 5_000.0
CLOSE = 0.01
# A scenario that holds no map: the runtime's and the server's own may take this share of the live heap. What they
# retain is no question of blame: an HTTP server's table of routes leads to all that its handlers hold.
MOST_OF_A_BYSTANDER = 0.1
# How the inventory begins to say that only what may be mere numbers leads to some bytes (goheap/inventory.py).
IN_DOUBT = "whether "
# Between reading two numbers of the kernel: pages that come and go, stacks of threads.
ADRIFT_BYTES = 1 << 20
# src/runtime/stack.go, stackMin.
LEAST_STACK_BYTES = 2_048
# Before object headers a stripped program says of few objects what they are.
OLDEST_WITH_HEADERS = 22
# A map whose header lies on the stack: from here on the compiler leaves its variable out of the debug information, and
# the function is all that a program says (objdump --dwarf=info of the lab: main.deduplicate has no `seen`).
OLDEST_WITHOUT_SUCH_LOCALS = 24


@dataclass(frozen=True, slots=True)
class Look:
    """One inventory, the truth right before and right after it, and what was left behind."""

    inventory: Inventory
    before: dict[str, Any]
    after: dict[str, Any]
    traces: tuple[str, ...]
    stripped: bool

    def misses(self) -> list[str]:
        """Return a sentence for each thing that is wrong; its first word is what missed."""
        wrong = [f"alive: {trace}" for trace in self.traces]
        wrong += [f"complete: {what}" for what in left_out(self.inventory)]
        if not self.inventory.snapshot.complete and not self.inventory.unread:
            wrong.append("complete: the snapshot is not, and nothing is said to be unread")
        wrong += self._misses_of_account()
        if self.before["type"] and (self.before["design"] or self.before["type"] == "sync.Map"):
            return wrong + list(self._misses_of_maps())
        return wrong + list(self._misses_without_a_map())

    def _misses_of_maps(self) -> Iterator[str]:
        parts = self.before.get("parts") or [self.before]
        left = [each for each in self.inventory.maps if each.type in (self.before["type"], None)]
        if len(left) < len(parts):
            yield f"type: {len(left)} maps of {self.before['type']}, not {len(parts)}"
            left = list(self.inventory.maps)
        later = {part["path"]: part for part in self.after.get("parts") or [self.after]}
        for part in sorted(parts, key=lambda each: -int(each["shallow_bytes"])):
            if not left:
                yield f"entries: no map is left for {part['path']}"
                return
            found = min(left, key=lambda each: (_distance(each, part), each.owner != part["path"]))
            left.remove(found)
            yield from self._misses_of_map(found, part, later.get(part["path"], part))

    def _misses_of_map(
        self, found: MapInstance, part: dict[str, Any], later: dict[str, Any]
    ) -> Iterator[str]:
        who = part["path"]
        low, high = sorted((part["entries"], later["entries"]))
        if not low <= found.entries <= high:
            yield f"entries: {who}: {found.entries}, not {low} to {high}"
        if found.design != part["design"]:
            yield f"design: {who}: {found.design}, not {part['design']}"
        if found.type != self.before["type"] and (found.type is not None or not self._knows_no_types):
            yield f"type: {who}: {found.type}, not {self.before['type']}"
        if found.capacity != part["capacity"]:
            yield f"capacity: {who}: {found.capacity}, not {part['capacity']}"
        for name in ("shallow_bytes", "dead_bytes"):
            figure, true = getattr(found, name), part[name]
            if figure is None and found.type is None and self._knows_no_types:
                continue
            if figure is None or abs(figure - true) > CLOSE * max(true, 1):
                yield f"{name.removesuffix('_bytes')}: {who}: {figure}, not {true}"
        yield from self._misses_of_names(found, who)

    @property
    def _minor(self) -> int:
        return int(self.before["go_version"].split(".")[1])

    @property
    def _knows_no_types(self) -> bool:
        return self.stripped and self._minor < OLDEST_WITH_HEADERS

    def _misses_of_names(self, found: MapInstance, path: str) -> Iterator[str]:
        declared = self.before["declared"]
        if path.startswith("goroutine ") and self._minor >= OLDEST_WITHOUT_SUCH_LOCALS:
            path, declared = path.rpartition(".")[0], None
        if not self.stripped and found.owner != path:
            yield f"owner: {path}: {found.owner}"
        if found.declared != declared and (found.declared is not None or not self.stripped):
            yield f"declared: {path}: {found.declared}, not {declared}"

    def _misses_without_a_map(self) -> Iterator[str]:
        held = self.inventory.snapshot.heap_bytes
        for each in self.inventory.maps:
            if each.shallow_bytes > MOST_OF_A_BYSTANDER * held:
                yield f"bystander: {each.owner} ({each.type}) is shown with {each.shallow_bytes} of {held} bytes"
        if self.inventory.account is not None:
            yield from self._misses_of_place(self.inventory.account, self.before)

    def _misses_of_place(self, account: Account, truth: dict[str, Any]) -> Iterator[str]:
        if truth["path"]:
            first = next(iter(self.inventory.holders), None)
            type_ = truth["type"] if first is None or first.type or not self._knows_no_types else None
            capacity = truth["capacity"] if type_ else None
            if first is None or (first.type, first.capacity) != (type_, capacity):
                yield f"holder: {first and first.owner} ({first and first.type}), not {truth['path']}"
            elif not self.stripped and first.owner != truth["path"]:
                yield f"holder: {first.owner}, not {truth['path']}"
        elif "off_heap_bytes" in truth:
            if not 0 <= account.off_heap_bytes - truth["off_heap_bytes"] < ADRIFT_BYTES:
                yield f"holder: {account.off_heap_bytes} bytes off the heap, not {truth['off_heap_bytes']}"
        elif "freed_bytes" in truth:
            if account.free_bytes < truth["freed_bytes"]:
                yield f"holder: {account.free_bytes} bytes free and not returned, not {truth['freed_bytes']}"
        elif "gc_percent" in truth:
            if account.dead_bytes + account.free_bytes < account.live_bytes:
                yield f"holder: {account.dead_bytes} bytes of garbage beside {account.live_bytes} live"
        else:
            groups = self.inventory.goroutines.groups if self.inventory.goroutines else ()
            if not groups or groups[0].count != truth["entries"]:
                yield f"holder: not {truth['entries']} goroutines that began at one place"
            if account.stack_bytes < truth["entries"] * LEAST_STACK_BYTES:
                yield f"holder: {account.stack_bytes} bytes of stacks of {truth['entries']} goroutines"

    def _misses_of_account(self) -> list[str]:
        account = self.inventory.account
        if account is None:
            return ["account: none"]
        if abs(account.unexplained_bytes) > ADRIFT_BYTES:
            return [f"account: {account.unexplained_bytes} of {account.rss_bytes} bytes are under no head"]
        return []


def left_out(inventory: Inventory) -> list[str]:
    """Return what was not read; that a few bytes may or may not be in use is said too, and leaves nothing out."""
    return [what for what in inventory.unread if not what.startswith(IN_DOUBT)]


def _distance(found: MapInstance, part: dict[str, Any]) -> float:
    return abs(found.entries - part["entries"]) + abs(found.shallow_bytes - part["shallow_bytes"]) / 100


def look_into(binary: Path, scenario: Scenario, *, stripped: bool) -> Look:
    """Start ``scenario``, take its inventory from outside, and return that beside the truth."""
    with LabService(binary, scenario) as service:
        if scenario.name != "warm-up":
            wait_until_flat(service.url)
        before = truth_of(service.url)
        inventory = api.heap(str(service.pid), max_pause_ms=PATIENCE_MS)
        after = truth_of(service.url)
        return Look(inventory, before, after, tuple(traces_left(service.pid, service.url)), stripped)
