"""A pprof profile as columns: one array a field, not one object a sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]
Int32s = NDArray[np.int32]
Uint64s = NDArray[np.uint64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ValueType:
    """Name what a column of values counts (``inuse_space``) and its unit (``bytes``)."""

    kind: str
    unit: str


@dataclass(frozen=True, slots=True)
class Mapping:
    """Describe one mapped file of the process."""

    start: int
    limit: int
    offset: int
    file: str
    build_id: str
    has_functions: bool = False
    has_filenames: bool = False
    has_line_numbers: bool = False
    has_inline_frames: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Hold the labels of all samples, one row a label; upstream message Label of profile.proto.

    ``sample`` label -> sample (rising); ``key``, ``text``, ``unit`` label -> ``strings``;
    ``number`` label -> the figure of a numeric label (0 for a textual one).
    """

    sample: Int64s
    key: Int32s
    text: Int32s
    unit: Int32s
    number: Int64s
    strings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Hold a profile; upstream google/pprof proto/profile.proto.

    Ids of the file are gone: locations, functions and mappings are numbered by row.

    * ``values`` sample, type -> figure
    * ``stack_start`` sample -> where its stack begins in ``stack`` (one more entry than samples)
    * ``stack`` -> location, leaf first
    * ``location_address`` location -> address; ``location_mapping`` location -> mapping or -1;
      ``location_folded`` location -> several symbols share the address
    * ``line_start`` location -> where its lines begin in ``line_function`` and ``line_number``
      (one more entry than locations); innermost inlined first
    * ``line_function`` -> function or -1
    * ``function_names``, ``function_system_names``, ``function_files``, ``function_start_line`` by function

    Arrays are read-only. Times are nanoseconds, ``time_nanos`` since 1970.
    """

    sample_types: tuple[ValueType, ...]
    values: Int64s
    stack_start: Int64s
    stack: Int32s
    location_address: Uint64s
    location_mapping: Int32s
    location_folded: Bools
    line_start: Int64s
    line_function: Int32s
    line_number: Int64s
    function_names: tuple[str, ...]
    function_system_names: tuple[str, ...]
    function_files: tuple[str, ...]
    function_start_line: Int64s
    mappings: tuple[Mapping, ...]
    labels: Labels
    period_type: ValueType | None
    period: int
    time_nanos: int
    duration_nanos: int
    comments: tuple[str, ...]
    default_sample_type: str
    drop_frames: str
    keep_frames: str
    doc_url: str

    @property
    def sample_count(self) -> int:
        """Return how many samples there are."""
        return len(self.stack_start) - 1

    def type_index(self, kind: str) -> int | None:
        """Return the column of ``values`` that holds ``kind`` (``inuse_space``), None if there is none."""
        kinds = [sample_type.kind for sample_type in self.sample_types]
        return kinds.index(kind) if kind in kinds else None

    def stack_of(self, sample: int) -> Int32s:
        """Return the locations of one sample, leaf first."""
        return self.stack[self.stack_start[sample] : self.stack_start[sample + 1]]
