"""Our reading of a Go program's file against what the running program says about itself.

Here with one Go and every way of building; ``python -m tests.oracle.binary_matrix`` does every Go (`make live`).
"""

from __future__ import annotations

import shutil

import pytest

from mapmedic.source.toolchain import find_go
from tests.oracle.go_builds import MODES, Build, build
from tests.oracle.go_truth import (
    missed_build_info,
    missed_entries,
    missed_frames,
    missed_heap_names,
    missed_sp_deltas,
    missed_stacks,
    missed_unwinding,
)

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", params=list(MODES))
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Build:
    return build(find_go("build the truth program"), request.param, tmp_path_factory.mktemp("truth"))


def test_every_sampled_address_has_the_frames_that_the_runtime_gives_it(built: Build) -> None:
    assert missed_frames(built, addresses=20_000) == []


def test_real_stacks_unfold_as_the_runtime_unfolds_them(built: Build) -> None:
    assert missed_stacks(built) == []


def test_stack_deltas_lead_from_return_address_to_return_address(built: Build) -> None:
    assert missed_unwinding(built) == []


def test_a_heap_profile_is_named_as_the_symbol_endpoint_names_it(built: Build) -> None:
    assert missed_heap_names(built) == []


def test_build_info_is_what_go_version_prints(built: Build) -> None:
    assert missed_build_info(built) == []


@pytest.mark.parametrize("built", [mode for mode in MODES if "stripped" not in mode], indirect=True)
def test_entries_are_the_symbol_tables(built: Build) -> None:
    assert missed_entries(built) == []


@pytest.mark.skipif(shutil.which("readelf") is None, reason="readelf (binutils) is the oracle")
@pytest.mark.parametrize("built", ["plain"], indirect=True)  # only its DWARF is as readelf prints it
def test_stack_deltas_are_the_frame_sizes_that_dwarf_has(built: Build) -> None:
    assert missed_sp_deltas(built) == []
