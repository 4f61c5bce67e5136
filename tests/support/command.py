"""Run ``mapmedic`` as a process of its own, and check what it prints against its contract."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

SCHEMAS = Path(__file__).parents[2] / "src" / "mapmedic" / "schemas"
COMMAND = (sys.executable, "-m", "mapmedic.cli.main")


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return stdout, which must be one JSON object and nothing else, after checking it."""
        value = json.loads(self.out)
        validate(value)
        return value


def environment(**changes: str) -> dict[str, str]:
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("MAPMEDIC_", "NO_COLOR", "FORCE"))
    }
    return {**kept, "COLUMNS": "110", **changes}


def run(*words: object, cwd: Path | None = None, **changes: str) -> Done:
    done = subprocess.run(
        [*COMMAND, *map(str, words)],
        capture_output=True,
        cwd=cwd,
        env=environment(**changes),
        timeout=60,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode("utf-8", "backslashreplace"))


def schema(name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((SCHEMAS / name).read_text())
    return value


def registry() -> Registry[Any]:
    resources = [(path.name, Resource.from_contents(schema(path.name))) for path in SCHEMAS.glob("*.json")]
    return Registry().with_resources(resources)


def validate(value: Any) -> None:
    """Check ``value`` against the schema that it names."""
    name = value["schema"].removeprefix("mapmedic.").replace("/", "-") + ".json"
    Draft202012Validator(schema(name), registry=registry()).validate(value)
