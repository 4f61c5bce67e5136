package agent

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// The states of an operation. The first leads to exactly one of the others.
const (
	stateDetached  = "detached"
	stateCommitted = "committed"
	stateUndone    = "undone"
	stateExpired   = "expired"
)

// What an operation is busy with, beside its state.
const (
	busyDetaching = "detaching"
	busyUndoing   = "undoing"
	busyReturning = "returning_memory"
	busyStreaming = "streaming"
)

const (
	// undoPatience is how long one call of undo works before it answers and
	// lets the agent go on by itself.
	undoPatience = 30 * time.Second
	// undoRetry is the pause between two attempts of the agent's own.
	undoRetry = time.Second
)

var (
	errWrongState = errors.New("the operation is not in a state for this")
	errBusy       = errors.New("the operation is busy")
)

// operation is one set of entries taken out of one map, until it is dropped or
// given back.
type operation struct {
	turn     *turn
	id, by   string
	name     string // of the map, which may be unregistered meanwhile
	kind     string
	types    types
	task     task
	log      *slog.Logger
	release  func(*operation) // called once, when nothing of it is left to do
	hold     time.Duration
	started  time.Time
	dataLock sync.Mutex // guards data; taken before mu, never while mu is held
	data     detached
	through  chan struct{} // closed when the detach is through, whichever way

	mu         sync.Mutex      // guards everything below; never held while waiting
	rung       <-chan struct{} // closed when data has been collected
	state      string
	busy       string
	streaming  bool
	undoBegun  bool
	entries    int
	scanned    int
	kept       int
	skipped    int
	partial    error
	unrung     bool // a forced collection left the bell silent
	done       merge
	dropped    int
	lockHold   time.Duration
	lockWait   time.Duration
	detachTook time.Duration
	expires    time.Time
	finished   time.Time
	before     statsView
	after      *statsView
	returnTook *time.Duration
	expiry     *time.Timer
}

// detach takes the entries out and starts the clock that gives them back.
func (op *operation) detach(from target) error {
	defer close(op.through)
	before := takeStats()
	out, err := from.detach(op.task, lockPatience)
	if err != nil {
		return err
	}
	sentinel, rung := newBell()
	out.entries.hang(sentinel)
	op.dataLock.Lock()
	op.data = out.entries
	op.dataLock.Unlock()

	op.mu.Lock()
	defer op.mu.Unlock()
	op.before, op.entries, op.rung = before, out.entries.len(), rung
	op.scanned, op.kept, op.skipped, op.partial = out.scanned, out.kept, out.skipped, out.partial
	op.lockHold, op.lockWait = out.times.hold, out.times.wait
	op.detachTook = time.Since(op.started)
	op.busy = ""
	op.expires = time.Now().Add(op.hold)
	op.expiry = time.AfterFunc(op.hold, op.expire)
	return nil
}

// claim makes the caller the only one at work on a detached operation.
func (op *operation) claim(work string, allowed func() bool) error {
	op.mu.Lock()
	defer op.mu.Unlock()
	if op.state != stateDetached {
		return errWrongState
	}
	if op.busy != "" {
		return errBusy
	}
	if !allowed() {
		return errWrongState
	}
	op.busy = work
	return nil
}

// commit drops the entries. There is no way back from here, so it is refused
// while they are being streamed and once an undo has begun.
func (op *operation) commit(returnMemory bool) error {
	err := op.claim(busyReturning, func() bool { return !op.streaming && !op.undoBegun })
	if err != nil {
		return err
	}
	op.drop()
	if returnMemory {
		op.returnMemory()
	}
	after := takeStats()
	op.finish(stateCommitted, &after)
	return nil
}

// drop lets go of the entries; from here on the operation is committed.
func (op *operation) drop() {
	op.mu.Lock()
	op.state, op.dropped = stateCommitted, op.entries
	op.expiry.Stop()
	op.mu.Unlock()

	op.dataLock.Lock()
	op.data = nil
	op.dataLock.Unlock()
}

func (op *operation) returnMemory() {
	started := time.Now()
	debug.FreeOSMemory()
	took := time.Since(started)
	dead := rings(op.rung, bellPatience)
	op.mu.Lock()
	op.returnTook, op.unrung = &took, !dead
	op.mu.Unlock()
}

// undo gives the entries back and ends in the given state. If the lock cannot
// be had, the agent goes on trying by itself: entries half returned must not
// be committed or forgotten.
func (op *operation) undo(end string) error {
	op.stopDetaching()
	if err := op.claim(busyUndoing, func() bool { return true }); err != nil {
		return err
	}
	done, err := op.restore()
	op.mu.Lock()
	op.done = done
	if done.longestHold > op.lockHold {
		op.lockHold = done.longestHold
	}
	if err != nil {
		op.busy, op.undoBegun = "", true
		op.expiry.Reset(undoRetry)
	}
	op.mu.Unlock()
	if err != nil {
		return err
	}
	after := takeStats()
	op.finish(end, &after)
	return nil
}

// stopDetaching ends a walk that is still taking entries out at its next chunk,
// and waits for it: what it has taken by then can be given back.
func (op *operation) stopDetaching() {
	op.mu.Lock()
	detaching := op.busy == busyDetaching
	op.mu.Unlock()
	if !detaching {
		return
	}
	op.task.stop.Store(true)
	select {
	case <-op.through:
	case <-time.After(undoPatience):
	}
}

func (op *operation) restore() (done merge, err error) {
	op.dataLock.Lock()
	defer op.dataLock.Unlock()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("giving the entries back panicked (%T)", p)
		}
	}()
	done, err = op.data.restore(time.Now().Add(undoPatience))
	if err == nil {
		op.data = nil
	}
	return done, err
}

// finish sets the last state and lets the next operation in.
func (op *operation) finish(state string, after *statsView) {
	op.mu.Lock()
	op.expiry.Stop()
	op.state, op.busy, op.after = state, "", after
	op.finished = time.Now()
	op.mu.Unlock()
	op.release(op)
}

// expire runs on the timer's goroutine, where a panic would end the service.
func (op *operation) expire() {
	defer func() {
		if p := recover(); p != nil {
			audit(op.log, "expiry failed", "operation", op.id)
		}
	}()
	end := stateExpired
	switch err := op.undo(end); {
	case err == nil:
		op.audit("hold expired: entries given back", "agent")
	case errors.Is(err, errWrongState):
		// committed or undone a moment ago: nothing is left to give back
	case errors.Is(err, errBusy):
		op.mu.Lock()
		op.expiry.Reset(undoRetry)
		op.mu.Unlock()
	default:
		op.audit("undo waits for the lock and will be tried again", "agent", "why", err.Error())
	}
}

// nextEntries lends the detached entries to the stream for a moment. It
// reports false when they are no longer there to be read.
func (op *operation) nextEntries(read func(detached)) bool {
	op.dataLock.Lock()
	defer op.dataLock.Unlock()
	op.mu.Lock()
	readable := op.state == stateDetached && op.busy == "" && !op.undoBegun
	op.mu.Unlock()
	if readable {
		read(op.data)
	}
	return readable
}

// beginStream marks the operation as being read, so that it is not committed.
func (op *operation) beginStream() error {
	op.mu.Lock()
	defer op.mu.Unlock()
	if op.state != stateDetached || op.undoBegun {
		return errWrongState
	}
	if op.busy != "" || op.streaming {
		return errBusy
	}
	op.streaming = true
	return nil
}

func (op *operation) endStream() {
	op.mu.Lock()
	op.streaming = false
	op.mu.Unlock()
}
