"""``python -m benchmarks.top_table FILE``: the top functions of a heap profile, as ``go tool pprof -top``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mapmedic.formats.pprof import parse_profile
from mapmedic.model.profile import Profile

FUNCTIONS_SHOWN = 20
_CHUNK = 1 << 12


def main() -> None:
    """Print flat bytes, cumulative bytes and name of the functions that allocated most of what is in use."""
    profile = parse_profile(Path(sys.argv[1]).read_bytes())
    column = [kind.kind for kind in profile.sample_types].index("inuse_space")
    flat, cumulative = totals(profile, profile.values[:, column])
    # pprof orders by flat, then by cumulative, then by name.
    order = sorted(range(len(flat)), key=lambda f: (-flat[f], -cumulative[f], profile.function_names[f]))
    for function in order[:FUNCTIONS_SHOWN]:
        print(f"{flat[function]:.0f}\t{cumulative[function]:.0f}\t{profile.function_names[function]}")


def totals(profile: Profile, values: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return function -> what it allocated itself, and what it and all it called did; a recursion counts once."""
    count = len(profile.function_names)
    leaf = profile.line_function[profile.line_start[profile.stack[profile.stack_start[:-1]]]]
    flat = np.bincount(leaf, values, count)
    cumulative = np.zeros(count)
    depths = np.diff(profile.stack_start)
    for depth in np.unique(
        depths
    ):  # stacks of one depth are a matrix; some thousand fit the processor's cache
        samples = np.flatnonzero(depths == depth)
        for chunk in np.split(samples, range(_CHUNK, len(samples), _CHUNK)):
            rows = profile.stack[profile.stack_start[chunk][:, None] + np.arange(depth)]
            functions = np.sort(profile.line_function[profile.line_start[rows]], axis=1)
            first = np.ones(functions.shape, dtype=bool)
            first[:, 1:] = functions[:, 1:] != functions[:, :-1]
            weights = np.broadcast_to(values[chunk][:, None], functions.shape)
            cumulative += np.bincount(functions[first], weights[first], count)
    return flat, cumulative


if __name__ == "__main__":
    main()
