package agent

import (
	"errors"
	"sync/atomic"
	"time"
)

// The fates of a waiter: exactly one of the last two follows the first.
const (
	waiting   int32 = iota
	admitted        // it has the lock and runs its critical section
	abandoned       // its caller has gone: it only unlocks
)

// waiter queues for a lock on behalf of a caller that may lose patience.
type waiter struct {
	guard    *guard
	door     door
	asked    time.Time
	critical func()
	fate     atomic.Int32
	done     chan passage
}

// passage is how a wait ended.
type passage struct {
	times lockTimes
	err   error
}

// wait runs on its own goroutine. It must not panic: that would end the service.
func (w *waiter) wait() {
	result := passage{err: errors.New("the registered lock ended the goroutine that asked for it")}
	defer func() {
		if p := recover(); p != nil {
			result = passage{err: lockBroken{p}}
		}
		w.guard.queue.Store(nil)
		<-w.guard.turn
		w.done <- result
	}()
	w.door.enter()
	if !w.fate.CompareAndSwap(waiting, admitted) {
		w.door.leave()
		return
	}
	result = passage{times: w.door.inside(w.asked, w.critical)}
}

// outcome waits for the goroutine or for the clock, whichever comes first.
func (w *waiter) outcome(late <-chan time.Time) (lockTimes, error) {
	select {
	case p := <-w.done:
		return p.times, p.err
	case <-late:
	}
	if w.fate.CompareAndSwap(waiting, abandoned) {
		w.critical = nil // the goroutine will not run it: do not keep its map alive
		return lockTimes{}, errLockTimeout
	}
	// Too late to give up: the critical section runs, and it is short.
	p := <-w.done
	return p.times, p.err
}
