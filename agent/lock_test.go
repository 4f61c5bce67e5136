package agent

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// plainLock is a Locker that cannot be tried.
type plainLock struct{ sync.Mutex }

type onlyLocker struct{ mu *sync.Mutex }

func (l onlyLocker) Lock()   { l.mu.Lock() }
func (l onlyLocker) Unlock() { l.mu.Unlock() }

const testPatience = 120 * time.Millisecond

// A lock that is never free costs a caller its patience and the service one
// goroutine, however often somebody asks, and nothing at all once it is free.
func TestALockThatIsNeverFree(t *testing.T) {
	var mu sync.Mutex
	for _, lock := range []sync.Locker{&mu, onlyLocker{&mu}} {
		g := newGuard(lock)
		mu.Lock()
		before := runtime.NumGoroutine()
		for i := 0; i < 20; i++ {
			_, err := g.do(g.writing(), testPatience, func() { t.Error("got in") })
			if !errors.Is(err, errLockTimeout) {
				t.Fatal(err)
			}
			if err := g.peek(g.reading(), time.Millisecond, func() { t.Error("got in") }); !errors.Is(err, errLockTimeout) {
				t.Fatal(err)
			}
		}
		if extra := runtime.NumGoroutine() - before; extra > 1 {
			t.Errorf("%d goroutines wait", extra)
		}
		mu.Unlock()
		waitFor(t, "the abandoned waiter to go", func() bool { return g.queue.Load() == nil && len(g.turn) == 0 })
		inside := false
		if _, err := g.do(g.writing(), time.Second, func() { inside = true }); err != nil || !inside {
			t.Errorf("the free lock: %v", err)
		}
		if !mu.TryLock() {
			t.Fatal("the lock was not given back")
		}
		mu.Unlock()
	}
}

func TestAWaiterGetsInWhenTheLockComesFree(t *testing.T) {
	var mu sync.Mutex
	g := newGuard(onlyLocker{&mu})
	mu.Lock()
	time.AfterFunc(20*time.Millisecond, mu.Unlock)
	times, err := g.do(g.writing(), 10*time.Second, func() { time.Sleep(5 * time.Millisecond) })
	if err != nil || times.wait < 15*time.Millisecond || times.hold < 5*time.Millisecond {
		t.Errorf("%+v %v", times, err)
	}
}

// Under a lock that is fought over, each passage either happens once or is
// reported as not having happened.
func TestPassagesUnderContention(t *testing.T) {
	var mu sync.Mutex
	var reported atomic.Int64
	passed := int64(0) // guarded by mu
	g := newGuard(onlyLocker{&mu})
	quit := make(chan struct{})
	var service, callers sync.WaitGroup
	for i := 0; i < 2; i++ {
		service.Add(1)
		go func() {
			defer service.Done()
			for {
				select {
				case <-quit:
					return
				default:
					mu.Lock()
					time.Sleep(200 * time.Microsecond)
					mu.Unlock()
				}
			}
		}()
	}
	for i := 0; i < 8; i++ {
		callers.Add(1)
		go func(patience time.Duration) {
			defer callers.Done()
			mine := 0
			for n := 0; n < 100 || mine == 0; n++ { // an abandoned waiter turns all away at once
				if n > 100 {
					patience = time.Second
				}
				if _, err := g.do(g.writing(), patience, func() { passed++ }); err == nil {
					reported.Add(1)
					mine++
				}
			}
		}(time.Duration(i*i*i*100) * time.Microsecond)
	}
	callers.Wait()
	close(quit)
	service.Wait()
	waitFor(t, "the last waiter", func() bool { return g.queue.Load() == nil && len(g.turn) == 0 })
	if passed != reported.Load() || passed == 0 {
		t.Errorf("%d passages, %d reported", passed, reported.Load())
	}
}

type brokenLock struct{ onLock, onUnlock bool }

func (b *brokenLock) Lock() {
	if b.onLock {
		panic("lock")
	}
}
func (b *brokenLock) Unlock() {
	if b.onUnlock {
		panic("unlock")
	}
}

// A lock that panics must not take the service with it, nor the entries.
func TestALockThatPanics(t *testing.T) {
	for _, lock := range []*brokenLock{{onLock: true}, {onUnlock: true}} {
		m := map[string]int{"a": 1}
		reg := NewRegistry()
		if err := RegisterMapIn(reg, "m", &m, lock); err != nil {
			t.Fatal(err)
		}
		medic := serve(t, reg)
		status, answer := medic.do("POST", "/debug/mapmedic/v1/operations", `{"map":"m","strategy":"swap"}`)
		if lock.onLock && (status != 422 || len(m) != 1) {
			t.Errorf("Lock panics: %d %v, %v", status, answer, m)
		}
		if lock.onUnlock && status == 201 {
			lock.onUnlock = false
			medic.do("POST", path(answer, "/undo"), "")
		}
		if len(m) != 1 {
			t.Errorf("entries lost: %v", m)
		}
	}
}

func TestTheHTTPAnswersUnderAHeldLock(t *testing.T) {
	s := filled(10)
	medic := serve(t, s.register(t, "m"))
	s.mu.Lock()
	status, answer := medic.do("GET", "/debug/mapmedic/v1/maps", "")
	first := answer["maps"].([]any)[0].(map[string]any)
	if status != 200 || first["entries"] != nil || first["entries_why"] == nil {
		t.Errorf("list: %d %v", status, first)
	}
	for _, path := range []string{"plan", "operations"} {
		status, answer := medic.do("POST", "/debug/mapmedic/v1/"+path, `{"map":"m","strategy":"swap"}`)
		if status != 503 || code(answer) != "lock_timeout" {
			t.Errorf("%s: %d %v", path, status, answer)
		}
	}
	s.mu.Unlock()
	waitFor(t, "the desk to be free", func() bool { return occupied.Load() == nil })
	if len(s.copy()) != 10 {
		t.Error("a timeout changed the map")
	}
	medic.do("POST", path(medic.detach("m"), "/undo"), "")
}

// A plan changes nothing for anybody: it must not make readers wait behind it.
func TestAPlanNeverStallsReaders(t *testing.T) {
	var mu sync.RWMutex
	m := map[string]int{"a": 1}
	reg := NewRegistry()
	if err := RegisterMapIn(reg, "m", &m, &mu); err != nil {
		t.Fatal(err)
	}
	medic := serve(t, reg)
	mu.RLock() // a reader that stays
	planned := make(chan map[string]any)
	go func() {
		_, answer := medic.do("POST", "/debug/mapmedic/v1/plan", `{"map":"m","strategy":"swap"}`)
		planned <- answer
	}()
	for {
		if !mu.TryRLock() {
			t.Fatal("a new reader would have to wait")
		}
		mu.RUnlock()
		select {
		case answer := <-planned:
			if answer["entries"] != 1.0 || answer["lock_wait_ns"].(float64) < float64(politeFor) || !strings.Contains(fmt.Sprint(answer["notes"]), "will queue") {
				t.Errorf("%v", answer)
			}
			mu.RUnlock()
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// A lock that cannot be tried is queued for as long as an operation would.
func TestAPlanWaitsForALockThatCannotBeTried(t *testing.T) {
	var mu sync.Mutex
	m := map[string]int{"a": 1}
	reg := NewRegistry()
	if err := RegisterMapIn(reg, "m", &m, onlyLocker{&mu}); err != nil {
		t.Fatal(err)
	}
	medic := serve(t, reg)
	mu.Lock()
	time.AfterFunc(3*politeFor, mu.Unlock)
	if status, answer := medic.do("POST", "/debug/mapmedic/v1/plan", `{"map":"m","strategy":"swap"}`); status != 200 || answer["entries"] != 1.0 {
		t.Errorf("%d %v", status, answer)
	}
}

// Many callers at once on a lock that is never free: one of them queues.
func TestManyCallersLeaveOneWaiter(t *testing.T) {
	var mu sync.Mutex
	g := newGuard(onlyLocker{&mu})
	mu.Lock()
	before := runtime.NumGoroutine()
	var callers sync.WaitGroup
	for i := 0; i < 20; i++ {
		callers.Add(1)
		go func() {
			defer callers.Done()
			if _, err := g.do(g.writing(), testPatience, func() { t.Error("got in") }); !errors.Is(err, errLockTimeout) {
				t.Error(err)
			}
		}()
	}
	callers.Wait()
	waitFor(t, "the callers to be gone", func() bool { return runtime.NumGoroutine() <= before+1 })
	mu.Unlock()
	waitFor(t, "the waiter to go", func() bool { return g.queue.Load() == nil && len(g.turn) == 0 })
}
