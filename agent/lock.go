package agent

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// lockPatience is how long an operation waits for the service's lock.
	lockPatience = 2 * time.Second
	// politeFor is how long a lock is tried before the agent queues for it.
	// A queued writer of a RWMutex makes new readers wait; a try does not.
	politeFor = 100 * time.Millisecond
)

var errLockTimeout = errors.New("the lock was not free in time")

// lockBroken says that the caller's own Lock or Unlock panicked.
type lockBroken struct{ cause any }

func (e lockBroken) Error() string { return fmt.Sprintf("the registered lock panicked (%T)", e.cause) }

// lockTimes is what one passage through a lock cost.
type lockTimes struct{ wait, hold time.Duration }

// door is one way into a lock: its write side or its read side.
type door struct {
	enter, leave func()
	try          func() bool // nil when the lock cannot be tried
}

// guard brings bounded waiting to a lock that knows none.
//
// sync.Locker cannot be asked to give up, so a queueing goroutine does the
// waiting and, when its caller has gone, unlocks the moment it is let in. At
// most one such goroutine exists per guard.
type guard struct {
	mu    sync.Locker
	turn  chan struct{} // held by the one goroutine that may queue
	queue atomic.Pointer[waiter]
}

func newGuard(mu sync.Locker) *guard {
	return &guard{mu: mu, turn: make(chan struct{}, 1)}
}

// writing returns the exclusive side of the lock.
func (g *guard) writing() door {
	d := door{enter: g.mu.Lock, leave: g.mu.Unlock}
	if t, ok := g.mu.(interface{ TryLock() bool }); ok {
		d.try = t.TryLock
	}
	return d
}

// reading returns the shared side where there is one, else the exclusive one.
func (g *guard) reading() door {
	rw, ok := g.mu.(interface {
		RLock()
		RUnlock()
	})
	if !ok {
		return g.writing()
	}
	d := door{enter: rw.RLock, leave: rw.RUnlock}
	if t, ok := g.mu.(interface{ TryRLock() bool }); ok {
		d.try = t.TryRLock
	}
	return d
}

// do runs critical inside the door, or returns an error and never runs it.
func (g *guard) do(d door, patience time.Duration, critical func()) (times lockTimes, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = lockBroken{p}
		}
	}()
	asked := time.Now()
	if times, ok := d.tryFor(min64(politeFor, patience), asked, critical); ok {
		return times, nil
	}
	return g.queueFor(d, asked, patience, critical)
}

// peek is do for those who only want to look: it prefers giving up to queueing.
func (g *guard) peek(d door, patience time.Duration, critical func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = lockBroken{p}
		}
	}()
	if d.try == nil {
		_, err := g.queueFor(d, time.Now(), patience, critical)
		return err
	}
	if _, ok := d.tryFor(patience, time.Now(), critical); !ok {
		return errLockTimeout
	}
	return nil
}

// tryFor asks again and again, ever more slowly, until the limit.
func (d door) tryFor(limit time.Duration, asked time.Time, critical func()) (lockTimes, bool) {
	if d.try == nil {
		return lockTimes{}, false
	}
	for pause := 10 * time.Microsecond; ; pause = min64(2*pause, 2*time.Millisecond) {
		if d.try() {
			return d.inside(asked, critical), true
		}
		if time.Since(asked) >= limit {
			return lockTimes{}, false
		}
		time.Sleep(pause)
	}
}

// inside runs critical and leaves, also when critical panics.
func (d door) inside(asked time.Time, critical func()) (times lockTimes) {
	got := time.Now()
	times.wait = got.Sub(asked)
	defer func() {
		d.leave()
		times.hold = time.Since(got)
	}()
	critical()
	return times
}

func (g *guard) queueFor(d door, asked time.Time, patience time.Duration, critical func()) (lockTimes, error) {
	if w := g.queue.Load(); w != nil && w.fate.Load() == abandoned {
		return lockTimes{}, errLockTimeout
	}
	timer := time.NewTimer(time.Until(asked.Add(patience)))
	defer timer.Stop()
	select {
	case g.turn <- struct{}{}:
	case <-timer.C:
		return lockTimes{}, errLockTimeout
	}
	w := &waiter{guard: g, door: d, asked: asked, critical: critical, done: make(chan passage, 1)}
	g.queue.Store(w)
	go w.wait()
	return w.outcome(timer.C)
}

func min64(a, b time.Duration) time.Duration {
	if a < b {
		return a
	}
	return b
}
