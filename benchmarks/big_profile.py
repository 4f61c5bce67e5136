"""A heap profile as large as the largest seen: random stacks over some thousand functions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mapmedic.formats.pprof import encode_profile
from mapmedic.model.profile import Labels, Profile, ValueType

FUNCTIONS = 6_000
DEPTH = 24


def write_big_profile(path: Path, samples: int, functions: int = FUNCTIONS) -> None:
    """Write a heap profile of ``samples`` stacks, 24 frames deep, over so many functions; the same each time."""
    path.write_bytes(encode_profile(big_profile(samples, functions)))


def big_profile(samples: int, functions: int) -> Profile:
    """Return the profile that ``write_big_profile`` writes."""
    random = np.random.default_rng(7)
    stack = random.integers(0, functions, size=(samples, DEPTH), dtype=np.int32)
    stack[:, 0] = functions * random.random(samples) ** 4  # a few functions allocate most, as they do
    objects = random.integers(1, 1000, size=(samples, 4))
    index = np.arange(functions, dtype=np.int32)
    none = np.zeros(0, dtype=np.int64)
    few = np.zeros(0, dtype=np.int32)
    names = tuple(f"example.com/service/package{i % 97}.(*Type{i % 331}).method{i}" for i in range(functions))
    return Profile(
        sample_types=(
            ValueType("alloc_objects", "count"), ValueType("alloc_space", "bytes"),
            ValueType("inuse_objects", "count"), ValueType("inuse_space", "bytes"),
        ),
        values=objects.astype(np.int64),
        stack_start=np.arange(samples + 1, dtype=np.int64) * DEPTH,
        stack=stack.ravel(),
        location_address=(0x400000 + np.arange(functions, dtype=np.uint64) * np.uint64(64)).astype(np.uint64),
        location_mapping=np.full(functions, -1, dtype=np.int32),
        location_folded=np.zeros(functions, dtype=np.bool_),
        line_start=np.arange(functions + 1, dtype=np.int64),
        line_function=index,
        line_number=(index % 900 + 1).astype(np.int64),
        function_names=names,
        function_system_names=names,
        function_files=tuple(f"/src/package{i % 97}/file{i % 40}.go" for i in range(functions)),
        function_start_line=np.ones(functions, dtype=np.int64),
        mappings=(),
        labels=Labels(none, few, few, few, none, ()),
        period_type=ValueType("space", "bytes"),
        period=524288,
        time_nanos=0,
        duration_nanos=0,
        comments=(),
        default_sample_type="inuse_space",
        drop_frames="",
        keep_frames="",
        doc_url="",
    )  # fmt: skip
