"""What a Go function name says; names from real stacks of Go 1.21 to 1.27 (tests/golden)."""

from __future__ import annotations

import pytest

from mapmedic.model.frames import (
    ContainerKind,
    fills_for_its_caller,
    grown_container,
    is_runtime,
    is_standard_library,
    package_of,
)

MAP, SYNC_MAP, SLICE = ContainerKind.MAP, ContainerKind.SYNC_MAP, ContainerKind.SLICE


@pytest.mark.parametrize(
    ("function", "package"),
    [
        ("main.main", "main"),
        ("main.main.func1", "main"),
        ("main.(*sessionStore).Put", "main"),
        ("main.(*sessionStore).Put-fm", "main"),
        ("main.handler.deferwrap1", "main"),
        ("main.(*Cache[...]).Put", "main"),
        ("main.(*Cache[go.shape.string,github.com/a/b.T]).Put", "main"),
        ("main.Filter[...].func1", "main"),
        ("main.(*naïveÜberMap).füllen", "main"),
        ("net/http.(*conn).serve", "net/http"),
        ("github.com/a/b.C.d", "github.com/a/b"),
        ("github.com/a.b/c/v2.(*D[...]).e", "github.com/a.b/c/v2"),
        ("gopkg.in/yaml%2ev3.Unmarshal", "gopkg.in/yaml%2ev3"),
        ("vendor/golang.org/x/net/http2/hpack.(*Decoder).Write", "vendor/golang.org/x/net/http2/hpack"),
        ("slices.SortFunc[go.shape.[]github.com/x/y.T]", "slices"),
        ("type:.eq.main.Key", "main"),
        ("type..eq.github.com/a/b.Key", "github.com/a/b"),
        ("internal/runtime/maps.(*table).rehash", "internal/runtime/maps"),
        ("0x4a3f21", "0x4a3f21"),
        ("", ""),
    ],
)
def test_package_of(function: str, package: str) -> None:
    assert package_of(function) == package


@pytest.mark.parametrize(
    ("function", "ours"),
    [
        ("main.main", True),
        ("main.main.func1", True),
        ("example.com/svc.Put", True),
        ("github.com/patrickmn/go-cache.(*cache).Set", True),
        ("myapp/store.(*S).Put", True),
        ("runtime.main", False),
        ("runtime/debug.FreeOSMemory", False),
        ("net/http.HandlerFunc.ServeHTTP", False),
        ("vendor/golang.org/x/net/http2/hpack.(*Decoder).Write", False),
        ("internal/sync.(*HashTrieMap[...]).Store", False),
        ("unique.Make[...]", False),
        ("maps.Copy[...]", False),
        ("encoding/json.Unmarshal", False),
    ],
)
def test_is_standard_library(function: str, ours: bool) -> None:
    assert is_standard_library(function) is not ours


@pytest.mark.parametrize(
    ("function", "runtime"),
    [
        ("runtime.mallocgc", True),
        ("runtime.mallocgcSmallScanNoHeaderSC5", True),
        ("runtime.(*hmap).newoverflow", True),
        ("internal/runtime/maps.newarray", True),
        ("runtime/pprof.writeHeap", True),
        ("reflect.mapassign_faststr0", False),
        ("internal/sync.newEntryNode[...]", False),
        ("sync.(*Map).Store", False),
        ("runtimes.x", False),
        ("main.runtime.func1", False),
    ],
)
def test_is_runtime(function: str, runtime: bool) -> None:
    assert is_runtime(function) is runtime


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        ("runtime.mapassign", MAP),
        ("runtime.mapassign_fast64ptr", MAP),
        ("runtime.makemap", MAP),
        ("runtime.makemap_small", MAP),
        ("runtime.hashGrow", MAP),
        ("runtime.growWork_fast64", MAP),
        ("runtime.evacuate_fast64", MAP),
        ("runtime.makeBucketArray", MAP),
        ("runtime.(*hmap).createOverflow", MAP),
        ("internal/runtime/maps.(*Map).growToTable", MAP),
        ("internal/runtime/maps.newarray", MAP),
        ("reflect.mapassign0", MAP),
        ("reflect.mapassign_faststr0", MAP),
        ("sync.(*Map).Swap", SYNC_MAP),
        ("sync.(*Map).dirtyLocked", SYNC_MAP),
        ("sync.newEntry", SYNC_MAP),
        ("internal/sync.(*HashTrieMap[...]).expand", SYNC_MAP),
        ("internal/sync.newIndirectNode[...]", SYNC_MAP),
        ("internal/sync.newEntryNode[...]", SYNC_MAP),
        ("runtime.growslice", SLICE),
        ("runtime.growsliceBuf", SLICE),
        ("runtime.mallocgc", None),
        ("runtime.makeslice", None),
        ("runtime.makechan", None),
        ("runtime.mapaccess1_faststr", None),
        ("sync.(*Pool).Get", None),
        ("sync.(*Mutex).Lock", None),
        ("internal/sync.(*Mutex).lockSlow", None),
        ("main.mapassign", None),
        ("main.(*Map).Store", None),
    ],
)
def test_grown_container(function: str, kind: ContainerKind | None) -> None:
    assert grown_container(function) is kind


@pytest.mark.parametrize(
    ("function", "kind", "delegates"),
    [
        ("maps.Copy[...]", MAP, True),
        ("reflect.Value.SetMapIndex", MAP, True),
        ("encoding/json.(*decodeState).object", MAP, True),
        ("net/http.Header.Add", MAP, True),
        ("net/http.(*Transport).queueForIdleConn", MAP, False),
        ("net/textproto.initCommonHeader", MAP, False),
        ("internal/godebug.lookup", SYNC_MAP, False),
        ("io.ReadAll", SLICE, True),
        ("bytes.growSlice", SLICE, True),
        ("main.put", MAP, False),
        ("main.put", SLICE, False),
    ],
)
def test_fills_for_its_caller(function: str, kind: ContainerKind, delegates: bool) -> None:
    assert fills_for_its_caller(function, kind) is delegates
