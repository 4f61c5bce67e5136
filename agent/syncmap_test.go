package agent

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// Writers never stop: what the drain took and what is left in the map are
// together everything that was ever stored.
func TestDrainingASyncMapLosesNothing(t *testing.T) {
	for _, end := range []string{stateCommitted, stateUndone, stateExpired} {
		var m sync.Map
		for i := 0; i < 5000; i++ {
			m.Store(keyOf(i), i)
		}
		reg := NewRegistry()
		if err := reg.RegisterSyncMap("m", &m); err != nil {
			t.Fatal(err)
		}
		target, _ := reg.lookup("m")
		quit := make(chan struct{})
		var writers sync.WaitGroup
		stored := make([]int, 4)
		for w := range stored {
			writers.Add(1)
			go func(w int) {
				defer writers.Done()
				for i := 0; ; i++ {
					select {
					case <-quit:
						return
					default:
						m.Store(fmt.Sprintf("w%d-%d", w, i), i)
						stored[w]++
						time.Sleep(time.Microsecond)
					}
				}
			}(w)
		}
		hold := time.Minute
		if end == stateExpired {
			hold = time.Millisecond
		}
		op, err := reg.desk.begin(order{reg: target, task: task{strategy: strategySwap}, hold: hold, log: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		switch end {
		case stateCommitted:
			err = op.commit(false)
		case stateUndone:
			err = op.undo(stateUndone)
		}
		if err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the end", func() bool { return op.view().FinishedAt != nil })
		close(quit)
		writers.Wait()
		left, all := 0, 5000
		m.Range(func(_, _ any) bool { left++; return true })
		for _, n := range stored {
			all += n
		}
		v := op.view()
		if v.State != end || v.Entries < 5000 || left+v.Dropped != all {
			t.Errorf("%s: %d left, %d dropped, %d stored; %+v", end, left, v.Dropped, all, v)
		}
	}
}

func TestUndoOfASyncMapKeepsTheNewer(t *testing.T) {
	var m sync.Map
	for i := 0; i < 3000; i++ {
		m.Store(i, "old")
	}
	reg := NewRegistry()
	if err := reg.RegisterSyncMap("m", &m); err != nil {
		t.Fatal(err)
	}
	medic := serve(t, reg)
	op := medic.detach("m")
	if _, there := m.Load(5); there || op["entries"] != 3000.0 {
		t.Fatalf("after detach: %v", op)
	}
	m.Store(5, "new")
	_, done := medic.do("POST", path(op, "/undo"), "")
	if done["merged"] != 2999.0 || done["kept_newer"] != 1.0 {
		t.Errorf("%v", done)
	}
	for i := 0; i < 3000; i++ {
		want := map[bool]string{true: "new", false: "old"}[i == 5]
		if v, _ := m.Load(i); v != want {
			t.Fatalf("%d holds %v", i, v)
		}
	}
}

// A key drained twice returns with its later value.
func TestTheLaterValueWinsInTheSideStore(t *testing.T) {
	var m sync.Map
	d := &detachedSync{from: &m}
	d.add("k", 1)
	for i := 0; i < syncBlock; i++ {
		d.add(i, i)
	}
	d.add("k", 2)
	if _, err := d.restore(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if v, _ := m.Load("k"); v != 2 {
		t.Errorf("k holds %v", v)
	}
}

// Few keys, written all the time: each value ever stored is found exactly once,
// swapped out by a later writer, drained, or still in the map. No two values
// are equal, so the sums tell a lost one from one found twice.
func TestADrainTakesExactlyWhatItRemoves(t *testing.T) {
	var m sync.Map
	quit := make(chan struct{})
	var writers sync.WaitGroup
	sums := make([]struct{ stored, replaced int }, 3)
	for w := range sums {
		writers.Add(1)
		go func(w int) {
			defer writers.Done()
			for i := 1; ; i++ {
				select {
				case <-quit:
					return
				default:
				}
				value := i*len(sums) + w
				sums[w].stored += value
				if old, replaced := m.Swap(i%50, value); replaced {
					sums[w].replaced += old.(int)
				}
			}
		}(w)
	}
	drained, entries := 0, 0
	for until := time.Now().Add(500 * time.Millisecond); entries < 100 || time.Now().Before(until); {
		out, err := (&syncTarget{&m}).detach(task{strategy: strategySwap}, 0)
		if err != nil {
			t.Fatal(err)
		}
		taken := out.entries
		entries += taken.len()
		next := taken.walk()
		for _, value, more := next(); more; _, value, more = next() {
			drained += value.Interface().(int)
		}
	}
	close(quit)
	writers.Wait()
	found, stored := drained, 0
	m.Range(func(_, value any) bool { found += value.(int); return true })
	for _, s := range sums {
		found, stored = found+s.replaced, stored+s.stored
	}
	if found != stored {
		t.Errorf("the values stored sum up to %d, those found to %d", stored, found)
	}
}
