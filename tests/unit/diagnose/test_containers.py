"""Which function fills which container, and what is credited to it."""

from __future__ import annotations

import time

import pytest

from mapmedic.diagnose.containers import Container, find_containers, insertion_index
from mapmedic.model.frames import ContainerKind
from mapmedic.model.heap import HeapProfile
from mapmedic.model.units import KIB, MIB
from tests.unit.diagnose.builder import APPEND, CLASSIC, HASHTRIE, HTTP, OLD_SYNC_MAP, SWISS, Heap, stack

MAP, SYNC_MAP, SLICE = ContainerKind.MAP, ContainerKind.SYNC_MAP, ContainerKind.SLICE
LOGIN = f"main.login < {HTTP}"


def found(heap: Heap) -> dict[tuple[str, ContainerKind], Container]:
    return {(c.site.function, c.kind): c for c in find_containers(heap.profile(), 128 * KIB)}


def contents(heap: Heap, function: str, kind: ContainerKind = MAP) -> list[str]:
    container = found(heap)[function, kind]
    return [heap.rows[record][0] for record in container.contents.tolist()]


@pytest.mark.parametrize(
    ("text", "function", "kind"),
    [
        (f"{SWISS} < main.put < main.main", "main.put", MAP),
        (f"{CLASSIC} < main.put < main.main", "main.put", MAP),
        (f"runtime.mallocgc < {SWISS} < main.(*Cache[...]).Put", "main.(*Cache[...]).Put", MAP),
        (f"{HASHTRIE} < main.put", "main.put", SYNC_MAP),
        (f"{OLD_SYNC_MAP} < main.put", "main.put", SYNC_MAP),
        ("sync.newEntry < sync.(*Map).Swap < sync.(*Map).Store < main.put", "main.put", SYNC_MAP),
        (f"{SWISS} < main.walk.func1 < sync.(*Map).Range < main.walk", "main.walk.func1", MAP),
        (f"{APPEND} < main.put", "main.put", SLICE),
        (f"{APPEND} < io.ReadAll < main.load", "main.load", SLICE),
        (f"{SWISS} < maps.Copy[...] < main.merge", "main.merge", MAP),
        ("reflect.mapassign_faststr0 < reflect.Value.SetMapIndex < encoding/json.x < main.load", "main.load", MAP),
        (f"{SWISS} < net/http.(*Transport).queue < net/http.Get < main.fetch", "net/http.(*Transport).queue", MAP),
        (f"{SWISS} < net/textproto.init < net/http.(*conn).serve", "net/textproto.init", MAP),
        (f"{SWISS} < maps.Copy[...] < net/http.(*conn).serve", "maps.Copy[...]", MAP),
        # A PC that nobody could name is one of the runtime's own.
        ("0x4711 < internal/runtime/maps.(*table).rehash < 0x4712 < runtime.mapassign < main.put", "main.put", MAP),
    ],
)  # fmt: skip
def test_insertion(text: str, function: str, kind: ContainerKind) -> None:
    frames = stack(text)
    index = insertion_index(frames)
    assert index is not None
    assert (frames[index[0]].function, index[1]) == (function, kind)


@pytest.mark.parametrize(
    "text",
    [
        "main.newValue < main.put",
        "runtime.mallocgc < runtime.makeslice < main.put",
        "runtime.malg < runtime.newproc1 < runtime.systemstack",
        f"{SWISS} < runtime.gcBgMarkWorker",  # nobody of the program
        "fmt.Sprintf < main.put",
        f"{APPEND} < runtime.(*timers).addHeap < runtime.(*timer).modify < time.AfterFunc < main.put",
    ],
)
def test_no_insertion(text: str) -> None:
    assert insertion_index(stack(text)) is None


def test_an_empty_stack_is_nobodys() -> None:
    assert insertion_index(()) is None
    assert found(Heap().holds("", 64, 10**6)) == {}


@pytest.mark.parametrize(
    "allocation",
    [
        "main.put < main.login < " + HTTP,  # in the inserting function
        "fmt.Sprintf < main.put < main.login < " + HTTP,
        "main.login < " + HTTP,  # in its caller
        "main.newSession < main.login < " + HTTP,  # in a constructor its caller calls
        "strings.Clone < main.newID < main.newSession < main.login < " + HTTP,
        "main.parse < main.parse < main.parse < main.put < main.login < " + HTTP,  # recursion
    ],
)
def test_values_are_credited(allocation: str) -> None:
    heap = Heap().holds(f"{SWISS} < main.put < {LOGIN}", 32 * KIB, 100).holds(allocation, 500, 10**5)
    assert contents(heap, "main.put") == [allocation]


@pytest.mark.parametrize(
    "allocation",
    [
        "main.render < main.report < " + HTTP,
        "main.main < runtime.main",
        "net/http.newBufioReader < net/http.(*conn).serve",
        "runtime.malg < runtime.newproc1",
        "main.a < main.b < main.c < main.d < main.login < " + HTTP,  # too deep below a common caller
    ],
)
def test_strangers_are_not_credited(allocation: str) -> None:
    heap = Heap().holds(f"{SWISS} < main.put < {LOGIN}", 32 * KIB, 100).holds(allocation, 500, 10**5)
    assert contents(heap, "main.put") == []


def test_what_another_part_of_one_goroutine_allocates_is_not_credited() -> None:
    heap = Heap().holds(f"{SWISS} < main.put < main.worker", 32 * KIB, 100)
    heap.holds("main.other < main.worker", 500, 10**5)
    assert contents(heap, "main.put") == []
    # Unless the goroutine's own function inserts, and calls the constructor itself.
    heap = Heap().holds(f"{SWISS} < main.worker", 32 * KIB, 100)
    heap.holds("main.newJob < main.worker", 500, 10**5).holds("main.x < main.run < main.worker", 500, 10**5)
    assert contents(heap, "main.worker") == ["main.newJob < main.worker"]


@pytest.mark.parametrize(
    "middleware",
    [
        f"net/http.HandlerFunc.ServeHTTP < main.logging.func1 < {HTTP}",
        "/go/pkg/mod/github.com/gin-gonic/gin@v1.9.1/context.go|github.com/gin-gonic/gin.(*Context).Next < "
        f"main.auth < {HTTP}",
        f"/app/vendor/github.com/go-chi/chi/mux.go|github.com/go-chi/chi.(*Mux).route < main.auth < {HTTP}",
    ],
)
def test_what_a_router_calls_besides_is_not_credited(middleware: str) -> None:
    heap = Heap().holds(f"{SWISS} < main.login < {middleware}", 32 * KIB, 100)
    heap.holds(f"main.download < {middleware}", 500, 10**6)
    assert contents(heap, "main.login") == []


def test_a_cache_from_a_module_gets_its_callers_values() -> None:
    put = "/go/pkg/mod/github.com/p/go-cache@v2.1.0/cache.go|github.com/p/go-cache.(*cache).Set"
    heap = Heap().holds(f"{SWISS} < {put} < main.put < {LOGIN}", 32 * KIB, 100)
    heap.holds(f"main.newSession < main.put < {LOGIN}", 500, 10**5)
    assert len(contents(heap, "github.com/p/go-cache.(*cache).Set")) == 1


def test_two_maps_in_one_function_are_one_container_with_both_lines() -> None:
    heap = (
        Heap().holds(f"{SWISS} < main.put:10", 32 * KIB, 100).holds(f"{SWISS} < main.put:20", 48 * KIB, 200)
    )
    container = found(heap)["main.put", MAP]
    assert container.site.line == 20
    assert sorted(container.array_lines.tolist()) == [10, 20]


def test_two_functions_are_two_containers_and_the_nearest_gets_the_values() -> None:
    heap = Heap().holds(f"{SWISS} < main.a < {LOGIN}", 32 * KIB, 100)
    heap.holds(f"{SWISS} < main.b < {LOGIN}", 32 * KIB, 300).holds(
        f"main.newA < main.a < {LOGIN}", 100, 10**6
    )
    heap.holds(f"main.newSession < {LOGIN}", 100, 10**5)
    assert contents(heap, "main.a") == [f"main.newA < main.a < {LOGIN}"]
    assert contents(heap, "main.b") == [f"main.newSession < {LOGIN}"], "equally near: the larger one"


def test_small_maps_inside_values_belong_to_the_map_that_holds_them() -> None:
    heap = Heap().holds(f"{SWISS} < main.put < {LOGIN}", 32 * KIB, 100)
    heap.holds(f"runtime.makemap_small < main.newSession < {LOGIN}", 48, 10**6)
    heap.holds(f"{SWISS} < main.newSession < {LOGIN}", 500, 10**6)
    assert [key[0] for key in found(heap)] == ["main.put"]
    assert len(contents(heap, "main.put")) == 2


def test_a_map_of_large_maps_is_two_containers_and_one_of_small_maps_is_one() -> None:
    outer = f"{SWISS} < main.tenant < main.put < {LOGIN}"
    large = Heap().holds(outer, 32 * KIB, 10).holds(f"{SWISS} < main.put < {LOGIN}", 32 * KIB, 10**4)
    assert [key[0] for key in found(large)] == ["main.put", "main.tenant"]
    small = Heap().holds(outer, 32 * KIB, 10).holds(f"{SWISS} < main.put < {LOGIN}", 500, 10**6)
    assert [key[0] for key in found(small)] == ["main.tenant"]


def test_small_maps_that_nothing_claims_are_a_container() -> None:
    heap = Heap().holds(f"{SWISS} < main.newHeader < main.accept", 500, 10**6)
    assert [key[0] for key in found(heap)] == ["main.newHeader"]


@pytest.mark.parametrize("maker", [f"{APPEND} < main.load", f"{APPEND} < io.ReadAll < main.load"])
def test_long_slices_that_are_values_belong_to_the_map(maker: str) -> None:
    heap = Heap().holds(f"{SWISS} < main.put < {LOGIN}", 32 * KIB, 100)
    heap.holds(f"{maker} < {LOGIN}", 300 * KIB, 500)
    assert list(found(heap)) == [("main.put", MAP)]
    assert len(contents(heap, "main.put")) == 1


def test_a_handful_of_huge_values_beside_a_map_belong_to_it_and_without_one_are_slices() -> None:
    load = f"{APPEND} < main.load < {LOGIN}"
    beside = Heap().holds(f"{SWISS} < main.put < {LOGIN}", 32 * KIB, 100).holds(load, 8 * MIB, 10)
    assert list(found(beside)) == [("main.put", MAP)]
    assert list(found(Heap().holds(load, 8 * MIB, 10))) == [("main.load", SLICE)]


def test_one_long_slice_is_a_container_and_its_short_sisters_are_not_part_of_it() -> None:
    heap = Heap().holds(f"{APPEND} < main.log", 40 * MIB, 1, made=1).holds(f"{APPEND} < main.log", 64, 10**6)
    assert found(heap)["main.log", SLICE].arrays.tolist() == [0]


def test_many_long_slices_are_no_container_either() -> None:
    assert found(Heap().holds(f"{APPEND} < main.load < main.worker", 300 * KIB, 500)) == {}


def test_many_short_slices_are_no_container() -> None:
    assert found(Heap().holds(f"{APPEND} < main.tag", 512, 10**6)) == {}


def records(count: int) -> HeapProfile:
    heap = Heap()
    for i in range(count):
        head = SWISS if i % 3 == 0 else f"main.make{i % 700}"
        heap.sampled(f"{head} < main.put{i % 500}:{i % 90} < main.h{i % 400} < {HTTP}", 64 + i, 5, 9)
    return heap.profile()


def cpu_seconds(profile: HeapProfile) -> float:
    started = time.process_time()
    assert len(find_containers(profile, 128 * KIB)) == 500
    return time.process_time() - started


def test_time_is_linear_in_records() -> None:
    few, many = records(25_000), records(100_000)
    # Four times the records: 4 if linear, 16 if each is held against each; the best of three, since machines are noisy.
    assert min(cpu_seconds(many) / cpu_seconds(few) for _ in range(3)) < 9
