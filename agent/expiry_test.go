package agent

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// The tool detaches and is never heard of again, while the service reads and
// writes all the time: after the hold every entry is there, the newest of each.
func TestTheToolDies(t *testing.T) {
	for _, since := range []int{0, 50, 20000} { // entries written before the readers start
		t.Run(fmt.Sprint(since), func(t *testing.T) {
			s := filled(10000)
			reg := s.register(t, "m")
			target, _ := reg.lookup("m")
			traffic := startTraffic(s, since)
			op, err := reg.desk.begin(order{reg: target, task: task{strategy: strategySwap}, hold: 20 * time.Millisecond, log: quiet()})
			if err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the expiry", func() bool { return op.view().FinishedAt != nil })
			want := traffic.stop()
			for i := 0; i < 10000; i++ {
				if _, newer := want[keyOf(i)]; !newer {
					want[keyOf(i)] = i
				}
			}
			v := op.view()
			if v.State != stateExpired || v.Merged+v.KeptNewer != v.Entries || v.Entries < 10000 {
				t.Errorf("%+v", v)
			}
			same(t, s.copy(), want)
		})
	}
}

// traffic writes keys of its own and some of the old ones, and reads.
type traffic struct {
	quit    chan struct{}
	workers sync.WaitGroup
	written []map[string]int
}

func startTraffic(s *store, since int) *traffic {
	tr := &traffic{quit: make(chan struct{})}
	for w := 0; w < 3; w++ {
		mine := map[string]int{}
		tr.written = append(tr.written, mine)
		tr.workers.Add(2)
		go tr.write(s, w, since/3, mine)
		go tr.read(s)
	}
	return tr
}

func (tr *traffic) write(s *store, w, atOnce int, mine map[string]int) {
	defer tr.workers.Done()
	for i := 0; ; i++ {
		select {
		case <-tr.quit:
			return
		default:
		}
		k := fmt.Sprintf("new-%d-%d", w, i)
		if i%7 == 0 {
			k = keyOf((i*3 + w) % 10000) // worker w owns the old keys that are w modulo 3
		}
		if i%7 == 0 && ((i*3+w)%10000)%3 != w {
			continue
		}
		s.set(k, 5000000+i)
		mine[k] = 5000000 + i
		if i > atOnce {
			time.Sleep(20 * time.Microsecond)
		}
	}
}

func (tr *traffic) read(s *store) {
	defer tr.workers.Done()
	for {
		select {
		case <-tr.quit:
			return
		default:
		}
		s.mu.RLock()
		n := 0
		for range s.m {
			if n++; n > 100 {
				break
			}
		}
		s.mu.RUnlock()
		time.Sleep(20 * time.Microsecond)
	}
}

func (tr *traffic) stop() map[string]int {
	close(tr.quit)
	tr.workers.Wait()
	all := map[string]int{}
	for _, mine := range tr.written {
		for k, v := range mine {
			all[k] = v
		}
	}
	return all
}

func TestHoldSecondsOverHTTP(t *testing.T) {
	s := filled(10)
	medic := serve(t, s.register(t, "m"))
	status, op := medic.do("POST", "/debug/mapmedic/v1/operations", `{"map":"m","strategy":"swap","hold_seconds":1}`)
	if status != 201 {
		t.Fatal(op)
	}
	waitFor(t, "the end of the hold", func() bool {
		_, shown := medic.do("GET", path(op, ""), "")
		return shown["state"] == "expired"
	})
	if len(s.copy()) != 10 {
		t.Error("entries are missing")
	}
}

// The lock is taken away in the middle of an undo: nothing returns twice, and
// the agent goes on by itself when the lock is back.
func TestAnInterruptedUndoGoesOn(t *testing.T) {
	s := filled(5000)
	reg := s.register(t, "m")
	medic := serve(t, reg)
	op := medic.detach("m")
	for i := 1; i <= 6000; i++ { // the live map is larger: the way back is in chunks
		s.set(keyOf(-i), i)
	}
	s.mu.Lock()
	status, answer := medic.do("POST", path(op, "/undo"), "")
	if status != 503 || code(answer) != "lock_timeout" {
		t.Fatalf("undo under a held lock: %d %v", status, answer)
	}
	for _, verb := range []string{"/commit", "/entries"} {
		method := map[string]string{"/commit": "POST", "/entries": "GET"}[verb]
		if status, answer := medic.do(method, path(op, verb), ""); status != 409 {
			t.Errorf("%s after an undo has begun: %d %v", verb, status, answer)
		}
	}
	s.mu.Unlock()
	waitFor(t, "the agent to finish the undo", func() bool {
		_, shown := medic.do("GET", path(op, ""), "")
		return shown["finished_at"] != nil
	})
	if n := len(s.copy()); n != 11000 {
		t.Errorf("%d entries", n)
	}
}
