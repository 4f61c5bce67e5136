"""A column profile in the oracle's own shape, so that the two can be compared with ``==``."""

from __future__ import annotations

from typing import Any

from mapmedic.model.profile import Mapping, Profile, ValueType


def nested(profile: Profile) -> dict[str, Any]:
    functions = list(
        zip(
            profile.function_names,
            profile.function_system_names,
            profile.function_files,
            profile.function_start_line.tolist(),
            strict=True,
        )
    )
    mappings = [_mapping(mapping) for mapping in profile.mappings]
    locations = [_location(profile, row, functions, mappings) for row in range(len(profile.location_address))]
    period_type = profile.period_type
    return {
        "types": [_pair(column) for column in profile.sample_types],
        "samples": [_sample(profile, row, locations) for row in range(profile.sample_count)],
        "mappings": mappings,
        "locations": locations,
        "functions": functions,
        "period_type": None if period_type is None else _pair(period_type),
        "numbers": [profile.period, profile.time_nanos, profile.duration_nanos],
        "texts": [
            profile.default_sample_type,
            profile.drop_frames,
            profile.keep_frames,
            profile.doc_url,
        ],
        "comments": list(profile.comments),
    }


def _pair(column: ValueType) -> tuple[str, str]:
    return column.kind, column.unit


def _mapping(mapping: Mapping) -> tuple[Any, ...]:
    return tuple(getattr(mapping, name) for name in Mapping.__slots__)


def _location(profile: Profile, row: int, functions: list[Any], mappings: list[Any]) -> tuple[Any, ...]:
    mapping = int(profile.location_mapping[row])
    rows = slice(int(profile.line_start[row]), int(profile.line_start[row + 1]))
    numbered = zip(profile.line_function[rows].tolist(), profile.line_number[rows].tolist(), strict=True)
    lines = [(None if function < 0 else functions[function], line) for function, line in numbered]
    folded = bool(profile.location_folded[row])
    return int(profile.location_address[row]), None if mapping < 0 else mappings[mapping], folded, lines


def _sample(profile: Profile, row: int, locations: list[Any]) -> tuple[Any, ...]:
    labels = profile.labels
    own = [
        (
            labels.strings[labels.key[label]],
            labels.strings[labels.text[label]],
            int(labels.number[label]),
            labels.strings[labels.unit[label]],
        )
        for label in (labels.sample == row).nonzero()[0].tolist()
    ]
    stack = [locations[location] for location in profile.stack_of(row).tolist()]
    return profile.values[row].tolist(), stack, own
