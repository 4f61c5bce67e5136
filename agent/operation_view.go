package agent

import (
	"fmt"
	"log/slog"
	"time"
)

const (
	operationSchema  = "mapmedic.agent.operation/1"
	operationsSchema = "mapmedic.agent.operations/1"
)

// operationView is an operation as JSON.
type operationView struct {
	Schema         string     `json:"schema"`
	ID             string     `json:"id"`
	Map            string     `json:"map"`
	Kind           string     `json:"kind"`
	Type           string     `json:"type"`
	Strategy       string     `json:"strategy"`
	State          string     `json:"state"`
	Busy           *string    `json:"busy"`
	Entries        int        `json:"entries"`
	LockHoldNs     int64      `json:"lock_hold_ns"`
	LockWaitNs     int64      `json:"lock_wait_ns"`
	DetachNs       int64      `json:"detach_ns"`
	StartedAt      string     `json:"started_at"`
	ExpiresAt      *string    `json:"expires_at"`
	FinishedAt     *string    `json:"finished_at"`
	MemoryBefore   *statsView `json:"memory_before"`
	MemoryAfter    *statsView `json:"memory_after"`
	Merged         int        `json:"merged"`
	KeptNewer      int        `json:"kept_newer"`
	Dropped        int        `json:"dropped"`
	ReturnMemoryNs *int64     `json:"return_memory_ns"`
	By             string     `json:"by"`
	Where          conditions `json:"where"`
	Scanned        int        `json:"scanned"`
	Kept           int        `json:"kept"`
	Skipped        int        `json:"skipped"`
	Complete       bool       `json:"complete"`
	IncompleteWhy  *string    `json:"incomplete_why"`
	Collected      *bool      `json:"collected"`
}

type operationsView struct {
	Schema     string          `json:"schema"`
	Operations []operationView `json:"operations"`
}

func (op *operation) view() operationView {
	op.mu.Lock()
	defer op.mu.Unlock()
	v := operationView{
		Schema: operationSchema, ID: op.id, Map: op.name, Kind: op.kind,
		Type: op.types.container.String(), Strategy: op.task.strategy, State: op.state, Busy: op.busyNow(),
		Entries: op.entries, LockHoldNs: op.lockHold.Nanoseconds(), LockWaitNs: op.lockWait.Nanoseconds(),
		DetachNs: op.detachTook.Nanoseconds(), StartedAt: stamp(op.started),
		ExpiresAt: stampOrNil(op.expires), FinishedAt: stampOrNil(op.finished), MemoryAfter: op.after,
		Merged: op.done.merged, KeptNewer: op.done.keptNewer, Dropped: op.dropped, By: op.by,
		Where: op.task.where, Scanned: op.scanned, Kept: op.kept, Skipped: op.skipped, Complete: op.partial == nil, Collected: op.collected(),
	}
	if op.partial != nil {
		why := op.partial.Error()
		v.IncompleteWhy = &why
	}
	if op.before.Schema != "" {
		before := op.before
		v.MemoryBefore = &before
	}
	if op.returnTook != nil {
		ns := op.returnTook.Nanoseconds()
		v.ReturnMemoryNs = &ns
	}
	return v
}

// collected says whether the committed entries are garbage that has been
// collected; nil while nobody can know. It must be called with op.mu held.
func (op *operation) collected() *bool {
	dead := op.state == stateCommitted && hasRung(op.rung)
	if !dead && !(op.state == stateCommitted && op.unrung) {
		return nil
	}
	return &dead
}

// busyNow must be called with op.mu held.
func (op *operation) busyNow() *string {
	busy := op.busy
	switch {
	case busy == "" && op.undoBegun && op.state == stateDetached:
		busy = busyUndoing // between two attempts
	case busy == "" && op.streaming:
		busy = busyStreaming
	}
	if busy == "" {
		return nil
	}
	return &busy
}

func stampOrNil(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := stamp(t)
	return &s
}

// audit writes one line about the operation: who, what, how many, how long.
// Names and numbers only: never a key, a value or the token.
func (op *operation) audit(what, remote string, more ...any) {
	v := op.view()
	args := append([]any{
		"remote", remote, "operator", v.By, "operation", v.ID, "map", v.Map, "kind", v.Kind, "strategy", v.Strategy, "where", fmt.Sprint(v.Where),
		"state", v.State, "entries", v.Entries, "merged", v.Merged, "kept_newer", v.KeptNewer,
		"dropped", v.Dropped, "lock_hold", time.Duration(v.LockHoldNs), "lock_wait", time.Duration(v.LockWaitNs),
	}, more...)
	audit(op.log, what, args...)
}

// audit logs and survives a logger that does not.
func audit(log *slog.Logger, what string, args ...any) {
	defer func() { _ = recover() }()
	log.Info("mapmedic: "+what, args...)
}
