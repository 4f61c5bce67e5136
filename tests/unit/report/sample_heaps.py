"""The heaps of one service that leaks and was fixed, as the profiles show them."""

from __future__ import annotations

import numpy as np

from mapmedic.model.frames import Frame
from mapmedic.model.heap import HeapProfile, Stack

MIB = 1 << 20
PUT = "main.(*UserSessionManager).CreateSession"

_SERVE = (
    Frame("net/http.(*conn).serve", "net/http/server.go", 2102),
    Frame("net/http.serverHandler.ServeHTTP", "net/http/server.go", 3301),
    Frame("net/http.(*ServeMux).ServeHTTP", "net/http/server.go", 2821),
    Frame("net/http.HandlerFunc.ServeHTTP", "net/http/server.go", 2286),
)
_HANDLE = (*_SERVE, Frame("main.(*Server).handleLogin", "/src/sessiond/server.go", 88))
_PUT = (*_HANDLE, Frame(PUT, "/src/sessiond/session.go", 42))
_GROW = (
    Frame("runtime.mapassign_faststr", restored=True),
    Frame("internal/runtime/maps.(*Map).PutSlotFastStr", restored=True),
    Frame("internal/runtime/maps.(*table).rehash", restored=True),
    Frame("internal/runtime/maps.(*table).split", restored=True),
    Frame("internal/runtime/maps.newTable", restored=True),
    Frame("internal/runtime/maps.(*table).reset", restored=True),
    Frame("internal/runtime/maps.newarray", restored=True),
    Frame("runtime.newarray", restored=True),
    Frame("runtime.mallocgc", restored=True),
)
LEAKING_STACK = (*_PUT, *_GROW)
_GROWSLICE = (Frame("runtime.growslice", restored=True), Frame("runtime.mallocgc", restored=True))
_MALLOC = (Frame("runtime.newobject", restored=True), Frame("runtime.mallocgc", restored=True))
_INDEX = (*_SERVE, Frame("main.(*Server).handleSearch", "/src/sessiond/server.go", 131))
_MAIN = (Frame("runtime.main", "runtime/proc.go", 283), Frame("main.main", "/src/sessiond/main.go", 31))

# Root first -> (live MiB, allocated MiB).
_LEAKING: tuple[tuple[Stack, float, float], ...] = (
    ((*_PUT, *_GROW), 118.4, 241.0),
    ((*_PUT, Frame("main.newSession", "/src/sessiond/session.go", 61), *_MALLOC), 171.2, 178.8),
    (
        (
            *_PUT,
            Frame("main.newSession", "/src/sessiond/session.go", 64),
            Frame("fmt.Sprintf", "fmt/print.go", 239),
            Frame("runtime.slicebytetostring", restored=True),
            *_MALLOC[1:],
        ),
        88.0,
        97.5,
    ),
    ((*_PUT, Frame("crypto/rand.Read", "crypto/rand/rand.go", 63), *_MALLOC), 3.1, 44.0),
    (
        (
            *_HANDLE,
            Frame("encoding/json.(*Decoder).Decode", "encoding/json/stream.go", 63),
            Frame("encoding/json.(*decodeState).object", "encoding/json/decode.go", 771),
            *_MALLOC,
        ),
        2.2,
        412.0,
    ),
    (
        (
            *_HANDLE,
            Frame("encoding/json.Marshal", "encoding/json/encode.go", 171),
            Frame("bytes.(*Buffer).grow", "bytes/buffer.go", 154),
            *_GROWSLICE,
        ),
        6.4,
        655.0,
    ),
    (
        (
            *_INDEX,
            Frame("github.com/acme/sessiond/index.(*Index).Lookup", "/src/sessiond/index/index.go", 210),
            *_GROWSLICE,
        ),
        21.5,
        120.0,
    ),
    (
        (
            *_INDEX,
            Frame("github.com/acme/sessiond/cache.(*LRU[...]).Add", "/src/sessiond/cache/lru.go", 77),
            Frame("sync.(*Map).Store", "sync/hashtriemap.go", 65),
            Frame("internal/sync.(*HashTrieMap[...]).Swap", restored=True),
            Frame("internal/sync.newEntryNode[...]", restored=True),
            *_MALLOC,
        ),
        14.9,
        30.2,
    ),
    ((*_MAIN, Frame("main.loadConfig", "/src/sessiond/config.go", 19), *_MALLOC), 1.4, 1.6),
    ((*_SERVE[:1], Frame("bufio.NewReaderSize", "bufio/bufio.go", 57), *_MALLOC), 4.8, 9.1),
    ((*_MAIN, Frame("net/http.(*Server).Serve", "net/http/server.go", 3454), *_MALLOC), 0.1, 1.2),
)


def heap_of(records: tuple[tuple[Stack, float, float], ...]) -> HeapProfile:
    """Return a profile of root-first stacks with live and allocated MiB."""
    live = np.array([record[1] for record in records]) * MIB
    allocated = np.array([record[2] for record in records]) * MIB
    counts = np.ones(len(records), dtype=np.int64)
    return HeapProfile(
        stacks=tuple(tuple(reversed(record[0])) for record in records),
        keys=tuple(str(number).encode() for number in range(len(records))),
        inuse_bytes=live,
        inuse_objects=live / 256,
        alloc_bytes=allocated,
        alloc_objects=allocated / 256,
        sampled_inuse=counts,
        sampled_allocs=counts,
        object_bytes=np.full(len(records), 256, dtype=np.int64),
        frames_restored=True,
        memstats=None,
    )


def leaking_heap() -> HeapProfile:
    """Return the heap of the service that leaks."""
    return heap_of(_LEAKING)


def healthy_heap() -> HeapProfile:
    """Return the heap of a service that does not leak."""
    return heap_of(_LEAKING[5:])


def fixed_heap() -> HeapProfile:
    """Return its heap after the fix: what the map held is gone."""
    return heap_of(
        tuple(
            (stack, live * (0.01 if PUT in {f.function for f in stack} else 1), total)
            for stack, live, total in _LEAKING
        )
    )
