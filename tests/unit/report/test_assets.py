from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from mapmedic.report.assets import FLAME_LIBRARIES, asset, content_security_policy

TOOL = Path(__file__).resolve().parents[3] / "tools" / "update_assets.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("update_assets", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_libraries_are_those_that_were_reviewed(tool: ModuleType) -> None:
    assert tool.main(["--check"]) == 0
    assert len(tool.expected()) == 27


def test_a_changed_file_is_named(tool: ModuleType) -> None:
    digests = tool.expected()
    (difference,) = tool.compare(
        {"d3-array/LICENSE": b"other"}, {"d3-array/LICENSE": digests["d3-array/LICENSE"]}
    )
    assert difference.startswith("d3-array/LICENSE has sha256 ")


def test_the_style_that_the_flame_graph_adds_is_allowed() -> None:
    policy = content_security_policy(tuple(map(asset, FLAME_LIBRARIES)), ())
    (styles,) = (part for part in policy.split("; ") if part.startswith("style-src "))
    assert styles.count("sha256-") == 1
