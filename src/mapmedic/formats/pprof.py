"""profile.proto, gzipped or not (upstream: google/pprof proto/profile.proto)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapmedic import _native
from mapmedic.errors import FormatError
from mapmedic.formats._native_errors import MAX_BYTES, blaming
from mapmedic.model.profile import Labels, Mapping, Profile, ValueType

_WHAT = "pprof profile"
_COLUMNS = {
    "values": "<i8",
    "stack_start": "<i8",
    "stack": "<i4",
    "location_address": "<u8",
    "location_mapping": "<i4",
    "location_folded": "u1",
    "line_start": "<i8",
    "line_function": "<i4",
    "line_number": "<i8",
    "function_start_line": "<i8",
}
_LABEL_COLUMNS = {"sample": "<i8", "key": "<i4", "text": "<i4", "unit": "<i4", "number": "<i8"}


def parse_profile(data: bytes, *, max_bytes: int = MAX_BYTES) -> Profile:
    """Read a profile into columns; ``max_bytes`` bounds the decompressed size.

    Every reference is checked: a sample, line or name that points nowhere is a FormatError, its offset
    counted in decompressed bytes. Raises FormatError.
    """
    if not data:
        raise FormatError(_WHAT, "empty", 0)
    with blaming(_WHAT):
        columns = _native.parse_profile(data, max_bytes)
    return _profile(columns)


def encode_profile(profile: Profile) -> bytes:
    """Return ``profile`` as gzipped profile.proto; the same profile gives the same bytes.

    Ids are row + 1. Raises FormatError when the columns do not fit each other.
    """
    columns = {name: _bytes(getattr(profile, name), kind) for name, kind in _COLUMNS.items()}
    for name, kind in _LABEL_COLUMNS.items():
        columns[f"label_{name}"] = _bytes(getattr(profile.labels, name), kind)
    try:
        with blaming(_WHAT):
            return _native.encode_profile(_head(profile), columns)
    except UnicodeEncodeError:
        raise FormatError(_WHAT, "a name that is not Unicode text") from None


def _head(profile: Profile) -> _native.ProfileHead:
    period_type = profile.period_type
    return {
        "sample_types": [(column.kind, column.unit) for column in profile.sample_types],
        "period_type": None if period_type is None else (period_type.kind, period_type.unit),
        "numbers": (profile.period, profile.time_nanos, profile.duration_nanos),
        "comments": profile.comments,
        "texts": (profile.default_sample_type, profile.drop_frames, profile.keep_frames, profile.doc_url),
        "mappings": [_mapping_parts(mapping) for mapping in profile.mappings],
        "function_names": profile.function_names,
        "function_system_names": profile.function_system_names,
        "function_files": profile.function_files,
        "label_strings": profile.labels.strings if len(profile.labels.sample) else (),
    }


def _mapping_parts(
    mapping: Mapping,
) -> tuple[tuple[int, int, int], tuple[str, str], tuple[bool, bool, bool, bool]]:
    has_lines, has_inlines = mapping.has_line_numbers, mapping.has_inline_frames
    return (
        (mapping.start, mapping.limit, mapping.offset),
        (mapping.file, mapping.build_id),
        (mapping.has_functions, mapping.has_filenames, has_lines, has_inlines),
    )


def _bytes(column: NDArray[Any], kind: str) -> bytes:
    return np.ascontiguousarray(column, dtype=kind).tobytes()


def _profile(columns: _native.ProfileColumns) -> Profile:
    strings = columns["strings"] or ("",)
    types = _types(columns["sample_types"], strings)
    period, time_nanos, duration_nanos = columns["numbers"]
    default_sample_type, drop_frames, keep_frames, doc_url = _texts(columns["texts"], strings)
    period_type = columns["period_type"]
    return Profile(
        sample_types=types,
        values=_values(columns, len(types)),
        stack_start=np.frombuffer(columns["stack_start"], dtype="<i8"),
        stack=np.frombuffer(columns["stack"], dtype="<i4"),
        location_address=np.frombuffer(columns["location_address"], dtype="<u8"),
        location_mapping=np.frombuffer(columns["location_mapping"], dtype="<i4"),
        location_folded=np.frombuffer(columns["location_folded"], dtype=np.bool_),
        line_start=np.frombuffer(columns["line_start"], dtype="<i8"),
        line_function=np.frombuffer(columns["line_function"], dtype="<i4"),
        line_number=np.frombuffer(columns["line_number"], dtype="<i8"),
        function_names=_column(columns["function_name"], strings),
        function_system_names=_column(columns["function_system_name"], strings),
        function_files=_column(columns["function_file"], strings),
        function_start_line=np.frombuffer(columns["function_start_line"], dtype="<i8"),
        mappings=tuple(_mapping(mapping, strings) for mapping in columns["mappings"]),
        labels=_labels(columns, strings),
        period_type=None if period_type is None else _types([period_type], strings)[0],
        period=period,
        time_nanos=time_nanos,
        duration_nanos=duration_nanos,
        comments=_texts(columns["comments"], strings),
        default_sample_type=default_sample_type,
        drop_frames=drop_frames,
        keep_frames=keep_frames,
        doc_url=doc_url,
    )


def _values(columns: _native.ProfileColumns, types: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    samples = len(columns["stack_start"]) // 8 - 1
    return np.frombuffer(columns["values"], dtype="<i8").reshape(samples, types)


def _texts(indices: Sequence[int], strings: Sequence[str]) -> tuple[str, ...]:
    return tuple(strings[index] for index in indices)


def _column(indices: bytes, strings: Sequence[str]) -> tuple[str, ...]:
    return _texts(np.frombuffer(indices, dtype="<i4").tolist(), strings)


def _types(pairs: Sequence[tuple[int, int]], strings: Sequence[str]) -> tuple[ValueType, ...]:
    return tuple(ValueType(strings[kind], strings[unit]) for kind, unit in pairs)


def _mapping(raw: tuple[list[int], list[int], list[bool]], strings: Sequence[str]) -> Mapping:
    (start, limit, offset), texts, has = raw
    file, build_id = _texts(texts, strings)
    return Mapping(start, limit, offset, file, build_id, *has)


def _labels(columns: _native.ProfileColumns, strings: tuple[str, ...]) -> Labels:
    return Labels(
        sample=np.frombuffer(columns["label_sample"], dtype="<i8"),
        key=np.frombuffer(columns["label_key"], dtype="<i4"),
        text=np.frombuffer(columns["label_text"], dtype="<i4"),
        unit=np.frombuffer(columns["label_unit"], dtype="<i4"),
        number=np.frombuffer(columns["label_number"], dtype="<i8"),
        strings=strings,
    )
