"""What others may build on: these names, and no fewer."""

from __future__ import annotations

import subprocess
import sys

import mapmedic
from mapmedic import api

PUBLIC = """
CapturePlan Connection Criteria FixRequest GoToolchain HealthBars Limits Listener LockWish
OutsideRequest PreparedFix Progress RolloutRequest Source Thresholds TuneRequest apply_fix apply_outside
apply_restore apply_rollout apply_tuning capture criteria_for diagnose diff examine_machine
examine_process export_entries find_go heap heap_change heap_entries heap_paths is_live is_process
observe parse_condition parse_rings parse_targets plan_fix plan_outside plan_restore plan_revert
plan_rollout plan_tuning read_gc_log read_session repair_left_overs show_journal verify write_export
"""


def test_the_library_has_its_public_names() -> None:
    assert sorted(api.__all__) == PUBLIC.split()
    assert all(getattr(api, name) for name in api.__all__)
    assert all(getattr(mapmedic, name) for name in mapmedic.__all__)


def test_no_file_of_the_library_hides_a_public_name() -> None:
    """Importing mapmedic.api.x sets the attribute x of the package; no function may be called that."""
    script = (
        "import importlib, pkgutil\nfrom mapmedic import api\n"
        "files = [each.name for each in pkgutil.iter_modules(api.__path__)]\n"
        "[importlib.import_module(f'mapmedic.api.{file}') for file in files]\n"
        "print(len(files), *sorted(set(files) & set(api.__all__)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 7  # and no name after the number
