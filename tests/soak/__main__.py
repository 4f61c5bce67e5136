"""Run the soak, part by part, and say how long each took and all of them.

    python -m tests.soak [PART ...]       # what `make soak` runs; without a part all of them

Each part ends even where one before it failed; exits 1 where any did.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

from tests.live.scenarios import ROOT

_PYTEST = ("-m", "pytest", "-n0")
# Name -> (what it does, the words behind python, what is added to the environment).
PARTS: dict[str, tuple[str, tuple[str, ...], dict[str, str]]] = {
    "kills": ("kill a whole fix from outside 200 times", ("-m", "tests.soak.fix_kills"), {}),
    "fixes": ("a thousand fixes from outside", ("-m", "tests.soak.fix_matrix"), {}),
    "contention": ("fixes while the lock is held", ("-m", "tests.soak.contention"), {}),
    "memory": ("RSS after a fix beside the guide's recipe", ("-m", "tests.soak.memory_back"), {}),
    "stall": ("what a 1 ms ticker says of a fix", ("-m", "tests.soak.stall"), {}),
    "agent": (
        "hundreds of kills and cuts in the middle of a fix by the agent",
        (*_PYTEST, "tests/live/test_survival.py"),
        {"MAPMEDIC_KILLS": "300"},
    ),
    "looks": (
        "a look killed at any moment, and while maps are hot",
        (
            *_PYTEST,
            "tests/live/test_live_reading.py",
            "tests/live/test_heap.py::test_killed_at_any_moment_the_tool_leaves_a_running_service",
        ),
        {"MAPMEDIC_KILLS": "300", "MAPMEDIC_LOOKS": "30"},
    ),
    "steps": ("a look killed behind each system call of it", ("-m", "tests.live.survival"), {}),
}


def main() -> int:
    """Run the parts that were asked for; return 1 where one failed."""
    said = "\n".join(f"  {name:11} {sentence}" for name, (sentence, _, _) in PARTS.items())
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=f"parts:\n{said}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help="one of those below")
    wanted = parser.parse_args().parts or list(PARTS)
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}")
    took = [(name, *_run(name)) for name in wanted]
    for name, seconds, failed in took:
        print(f"{name:11} {seconds / 60:5.1f} min  {'FAILED' if failed else 'ok'}")
    print(f"{'all':11} {sum(seconds for _, seconds, _ in took) / 60:5.1f} min")
    return 1 if any(failed for _, _, failed in took) else 0


def _run(name: str) -> tuple[float, bool]:
    """Return how long the part took, in seconds, and whether it failed."""
    sentence, words, variables = PARTS[name]
    print(f"== {name}: {sentence}", flush=True)
    began = time.monotonic()
    done = subprocess.run([sys.executable, *words], cwd=ROOT, env={**os.environ, **variables}, check=False)
    return time.monotonic() - began, done.returncode != 0


if __name__ == "__main__":
    sys.exit(main())
