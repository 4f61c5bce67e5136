"""The JSON contracts (schemas/): model objects as plain dicts. Fields may be added, never renamed."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mapmedic.formats.inventory import inventory_json
from mapmedic.model.backup import Backup
from mapmedic.model.findings import Diagnosis, Evidence, Removal, Suspect
from mapmedic.model.heap import HeapChange, HeapProfile
from mapmedic.model.inventory import Inventory
from mapmedic.model.machine import MachineCheck, ProcessExam, Status
from mapmedic.model.observation import MemoryPoint
from mapmedic.model.remedy import FixPlan, Outcome, Proof
from mapmedic.model.report import Requests, Service
from mapmedic.model.restore import Restored, RestorePlan
from mapmedic.model.session import Session
from mapmedic.report.outside_json import acted_json, outside_json, where_json

Json = dict[str, Any]


def dump(contract: Mapping[str, Any]) -> str:
    """Return ``contract`` as indented JSON; NaN and infinities, which JSON has not, become null."""
    return json.dumps(_finite(contract), indent=2, ensure_ascii=True, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value


def _share(value: float) -> float:
    """Return a confidence that is one: 0..1; no number at all is no confidence."""
    return min(1.0, max(0.0, value)) if math.isfinite(value) else 0.0


def diagnosis_json(diagnosis: Diagnosis) -> Json:
    """Return ``mapmedic.diagnosis/1``."""
    return {
        "schema": "mapmedic.diagnosis/1",
        "target": diagnosis.target,
        "verdict": diagnosis.verdict.value,
        "confidence": _share(diagnosis.confidence),
        "reasons": list(diagnosis.reasons),
        "suspects": [_suspect(suspect) for suspect in diagnosis.suspects],
        "not_captured": [{"what": blank.what, "why": blank.why} for blank in diagnosis.not_captured],
        "next_steps": list(diagnosis.next_steps),
        "go_version": diagnosis.go_version,
        "window_seconds": round(max(0.0, diagnosis.window_seconds), 3),
        "captures": diagnosis.captures,
    }


def _suspect(suspect: Suspect) -> Json:
    site, fix = suspect.site, suspect.fix
    return {
        "code": suspect.code.value,
        "confidence": _share(suspect.confidence),
        "reasons": [{"text": reason.text, "weight": round(reason.weight, 3)} for reason in suspect.reasons],
        "owner": suspect.owner,
        "declared": suspect.declared,
        "label": suspect.label,
        "type": suspect.type,
        "kind": suspect.kind.value if suspect.kind else None,
        "site": {"function": site.function, "file": site.file, "line": site.line} if site else None,
        "bytes": max(0, suspect.bytes),
        "entries": suspect.entries,
        "growth_bytes_per_second": suspect.growth_bytes_per_second,
        "growth_uncertainty_bytes_per_second": suspect.growth_uncertainty,
        "evidence": [_evidence(each) for each in suspect.evidence],
        "stack": list(suspect.stack),
        "fix": {"strategy": fix.strategy, "command": fix.command, "patch_hint": fix.patch_hint}
        if fix
        else None,
        "removals": None if suspect.removals is None else [_removal(each) for each in suspect.removals],
    }


def _removal(removal: Removal) -> Json:
    return {
        "what": removal.what, "file": removal.file, "line": removal.line, "statement": removal.statement,
    }  # fmt: skip


def _evidence(evidence: Evidence) -> Json:
    return {
        "claim": evidence.claim,
        "measured": evidence.measured,
        "threshold": evidence.threshold,
        "source": evidence.source,
        "unit": evidence.unit,
    }


def capture_json(path: str, session: Session) -> Json:
    """Return ``mapmedic.capture/1``: what a session file holds."""
    return {
        "schema": "mapmedic.capture/1",
        "target": session.target,
        "path": path,
        "complete": session.complete,
        "artifacts": [
            {
                "kind": artifact.kind,
                "visit": artifact.visit,
                "taken_at_unix_ns": artifact.taken_at,
                "source": artifact.source,
                "bytes": len(artifact.data),
                "sha256": hashlib.sha256(artifact.data).hexdigest(),
                "attempts": artifact.attempts,
            }
            for artifact in session.artifacts
        ]
        + [
            {
                "kind": stored.kind,
                "visit": stored.visit,
                "taken_at_unix_ns": stored.taken_at,
                "source": stored.source,
                "bytes": stored.bytes,
                "sha256": stored.sha256,
                "attempts": 1,
            }
            for stored in session.stored
        ],
        "not_captured": [{"what": blank.what, "why": blank.why} for blank in session.not_captured],
    }


def plan_json(plan: FixPlan) -> Json:
    """Return ``mapmedic.plan/1``."""
    return {
        "schema": "mapmedic.plan/1",
        "target": plan.target,
        "map": plan.map,
        "kind": plan.kind,
        "type": plan.type,
        "strategy": plan.strategy,
        "entries": plan.entries,
        "steps": list(plan.steps),
        "conditions": [{"name": c.name, "holds": c.holds, "why": c.why} for c in plan.conditions],
        "ready": plan.ready,
        "undo": plan.undo,
        "notes": list(plan.notes),
        "hold_seconds": plan.hold_seconds,
        "return_memory": plan.return_memory,
        "where": where_json(plan.where),
        "matches": plan.matches,
        "max_lock_hold_ms": plan.max_lock_hold_ms,
        "backup": asdict(plan.backup) if plan.backup else None,
        "outside": outside_json(plan.outside) if plan.outside else None,
        "call": asdict(plan.call) if plan.call else None,
    }


def outcome_json(outcome: Outcome) -> Json:
    """Return ``mapmedic.outcome/1``."""
    return {
        "schema": "mapmedic.outcome/1",
        "plan": plan_json(outcome.plan),
        "applied": outcome.applied,
        "strategy": outcome.plan.strategy,
        "operation": outcome.operation,
        "pause_ms": None if outcome.pause_ns is None else outcome.pause_ns / 1e6,
        "entries_removed": outcome.entries_removed,
        "journal_path": outcome.journal_path,
        "before": _memory(outcome.before),
        "after": _memory(outcome.after),
        "proof": proof_json(outcome.proof) if outcome.proof else None,
        "backup": backup_json(outcome.backup) if outcome.backup else None,
        "health": [{**asdict(each), "well": each.well} for each in outcome.health],
        "dropped_at_unix_ns": outcome.dropped_at,
        "acted": acted_json(outcome.acted) if outcome.acted else None,
        "saved": asdict(outcome.saved) if outcome.saved else None,
        "call": asdict(outcome.call) if outcome.call else None,
        "fields": [asdict(each) for each in outcome.fields],
        "difference": asdict(outcome.difference) if outcome.difference else None,
        "ended_collections": outcome.ended_collections,
    }


def backup_json(backup: Backup) -> Json:
    """Return what a backup file is, as outcomes and restores show it."""
    header = backup.header
    return {
        "path": backup.path,
        "bytes": backup.bytes,
        "entries": backup.end.entries,
        "sha256": backup.end.sha256,
        "lossless": header.lossless,
        "losses": list(header.losses),
        "map": header.map,
        "kind": header.kind,
        "type": header.type,
        "target": header.target,
        "strategy": header.strategy,
        "operation": header.operation,
        "by": header.by,
        "taken_at_unix_ns": header.taken_at,
        "tool_version": header.tool_version,
    }


def restore_json(plan: RestorePlan, done: Restored | None) -> Json:
    """Return ``mapmedic.restore/1``; ``done`` is None where it was planned only."""
    return {
        "schema": "mapmedic.restore/1",
        "target": plan.target,
        "map": plan.map,
        "backup": backup_json(plan.backup),
        "conditions": [{"name": c.name, "holds": c.holds, "why": c.why} for c in plan.conditions],
        "ready": plan.ready,
        "notes": list(plan.notes),
        "applied": done is not None,
        "entries_before": plan.entries_now,
        "entries_after": done.entries_after if done else None,
        "restored": done.restored if done else None,
        "kept_newer": done.kept_newer if done else None,
        "pause_ms": done.pause_ns / 1e6 if done else None,
        "journal_path": done.journal_path if done else None,
    }


def _memory(point: MemoryPoint | None) -> Json | None:
    if point is None:
        return None
    return {"rss_bytes": point.rss_bytes, "heap_alloc_bytes": point.heap_alloc_bytes, "num_gc": point.num_gc}


def proof_json(proof: Proof) -> Json:
    """Return ``mapmedic.proof/1``."""
    return {
        "schema": "mapmedic.proof/1",
        "passed": proof.passed,
        "checks": [
            {
                "name": check.name,
                "before": check.before,
                "after": check.after,
                "change": check.change,
                "threshold": check.threshold,
                "passed": check.passed,
                "why": check.why,
                "unit": check.unit,
                "decides": check.decides,
            }
            for check in proof.checks
        ],
        "next_steps": list(proof.next_steps),
    }


def demo_json(
    diagnosis: Diagnosis,
    outcome: Outcome | None,
    requests: Requests | None,
    report_path: str | None,
    service: Service | None = None,
) -> Json:
    """Return ``mapmedic.demo/1``."""
    return {
        "schema": "mapmedic.demo/1",
        "diagnosis": diagnosis_json(diagnosis),
        "outcome": outcome_json(outcome) if outcome else None,
        "requests": {
            "sent": requests.sent if requests else 0,
            "failed": requests.failed if requests else 0,
            "p99_before_ms": requests.p99_before_ms if requests else None,
            "p99_during_ms": requests.p99_during_ms if requests else None,
            "first_failure": requests.first_failure if requests else None,
        },
        "report_path": report_path,
        "service": asdict(service) if service else None,
    }


def heap_json(inventory: Inventory) -> Json:
    """Return ``mapmedic.heap/1``."""
    return inventory_json(inventory)


def flame_json(
    target: str,
    html: Path | None,
    heap: HeapProfile,
    pprof: Path | None = None,
    change: HeapChange | None = None,
) -> Json:
    """Return ``mapmedic.flame/1``."""
    total = max(0.0, heap.total_inuse_bytes)
    gained = float(change.gained_bytes.sum()) if change else math.nan
    return {
        "schema": "mapmedic.flame/1",
        "target": target,
        "path": None if html is None else str(html),
        "pprof_path": None if pprof is None else str(pprof),
        "stacks": len(heap.stacks),
        "frames_restored": heap.frames_restored,
        "inuse_bytes": int(total) if math.isfinite(total) else 0,
        "gained_bytes": int(gained) if math.isfinite(gained) else None,
        "window_seconds": round(max(0.0, change.seconds), 3) if change else 0.0,
    }


def doctor_json(checks: Sequence[MachineCheck], exam: ProcessExam | None = None) -> Json:
    """Return ``mapmedic.doctor/1``; ``exam`` is what was found of one process."""
    return {
        "schema": "mapmedic.doctor/1",
        "checks": [
            {"name": c.name, "status": c.status.value, "found": c.found, "enables": c.enables, "next": c.next}
            for c in checks
        ],
        "watchpoints": next((c.status is Status.OK for c in checks if c.name == "watchpoints"), None),
        "process": None if exam is None else _exam(exam),
    }


def _exam(exam: ProcessExam) -> Json:
    program, way = exam.program, exam.way
    return {
        "pid": exam.pid,
        "name": exam.name,
        "can_look": exam.can_look,
        "go_version": program.go_version,
        "experiments": list(program.experiments),
        "stripped": program.stripped,
        "build_id": program.build_id,
        "has_agent": program.has_agent,
        "snapshot": way
        and {
            "mode": way.mode.value,
            "notes": list(way.notes),
            "fork_ms": round(way.fork_ms, 1),
            "freeze_ms": round(way.freeze_ms, 1),
            "fork_bytes": way.fork_bytes,
            "free_bytes": way.free_bytes,
        },
        "commands": [
            {"command": each.command, "works": each.works, "why": each.why, "next": each.next}
            for each in exam.commands
        ],
    }
