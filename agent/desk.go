package agent

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// maxFinished bounds the history of finished operations.
const maxFinished = 32

// occupied holds the one turn there is in the process, whichever registry it
// belongs to: two maps in the air are two things to lose.
var occupied atomic.Pointer[turn]

// turn is the right to change a map, from beginning to end of an operation or a restore.
type turn struct{ _ byte } // not of size zero: each must have an address of its own

func (t *turn) leave() { occupied.CompareAndSwap(t, nil) }

var errInProgress = errors.New("another operation is in progress")

// desk keeps the operations of a registry. The zero desk is ready.
type desk struct {
	mu       sync.Mutex
	current  *operation
	finished []*operation // oldest first
}

// order is what a caller asks for.
type order struct {
	reg  *registration
	task task
	hold time.Duration
	by   string
	log  *slog.Logger
}

var operationCount atomic.Uint64

// newID is unique in this process and, by its start time, among restarts.
func newID() string {
	return strconv.FormatInt(processStarted.UnixNano(), 36) + "-" +
		strconv.FormatUint(operationCount.Add(1), 10)
}

// takeTurn returns the one turn, or whose it is.
func (d *desk) takeTurn() (*turn, error) {
	mine := new(turn)
	if !occupied.CompareAndSwap(nil, mine) {
		return nil, fmt.Errorf("%w%s", errInProgress, d.currentID())
	}
	return mine, nil
}

// begin detaches a map, or returns why it did not.
func (d *desk) begin(o order) (*operation, error) {
	mine, err := d.takeTurn()
	if err != nil {
		return nil, err
	}
	op := &operation{
		turn: mine, id: newID(), by: o.by, name: o.reg.name, kind: o.reg.target.kind(), types: o.reg.target.types(), task: o.task,
		log: o.log, release: d.archive,
		hold: o.hold, started: time.Now(), state: stateDetached, busy: busyDetaching,
	}
	op.task.stop, op.through = new(atomic.Bool), make(chan struct{})
	d.setCurrent(op)
	begun := false
	defer func() { // also when a lock of the service's own panics
		if !begun {
			d.setCurrent(nil)
			mine.leave()
		}
	}()
	if err := op.detach(o.reg.target); err != nil {
		return nil, err
	}
	begun = true
	return op, nil
}

func (d *desk) setCurrent(op *operation) {
	d.mu.Lock()
	d.current = op
	d.mu.Unlock()
}

// currentID names the operation in the way, if it is one this desk may show.
func (d *desk) currentID() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.current == nil {
		return ""
	}
	return ": " + d.current.id
}

// archive files a finished operation and opens the door for the next one.
func (d *desk) archive(op *operation) {
	d.mu.Lock()
	if d.current == op {
		d.current = nil
	}
	d.finished = append(d.finished, op)
	if extra := len(d.finished) - maxFinished; extra > 0 {
		d.finished = append([]*operation(nil), d.finished[extra:]...)
	}
	d.mu.Unlock()
	op.turn.leave()
}

func (d *desk) find(id string) (*operation, bool) {
	for _, op := range d.list() {
		if op.id == id {
			return op, true
		}
	}
	return nil, false
}

// list returns the current operation and the finished ones, newest first.
func (d *desk) list() []*operation {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]*operation, 0, len(d.finished)+1)
	if d.current != nil {
		all = append(all, d.current)
	}
	for i := len(d.finished) - 1; i >= 0; i-- {
		all = append(all, d.finished[i])
	}
	return all
}
