package agent

import (
	"errors"
	"math"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// What deleted entries left behind goes; what is in the map stays.
func TestShrinkGivesBackTheArrays(t *testing.T) {
	s := filled(300000)
	s.mu.Lock()
	for i := 100; i < 300000; i++ {
		delete(s.m, keyOf(i))
	}
	s.mu.Unlock()
	medic := serve(t, s.register(t, "m"))
	runtime.GC()
	before := takeStats().HeapAllocBytes
	op := medic.begin(`{"map":"m","strategy":"shrink"}`)
	if op["entries"] != 0.0 || op["kept"] != 100.0 || op["strategy"] != "shrink" {
		t.Errorf("%v", op)
	}
	s.set("new", 1)
	done := medic.end(op, "/commit")
	after := takeStats().HeapAllocBytes
	if done["collected"] != true || done["dropped"] != 0.0 || before < after+5<<20 {
		t.Errorf("heap %d -> %d, %v", before, after, done)
	}
	want := filled(100).m
	want["new"] = 1
	same(t, s.copy(), want)
	t.Logf("longest hold of a shrink of 100 entries in arrays for 300,000: %v", nanos(op))
}

func TestShrinkRefusesWithTheNumberAndTakesALeave(t *testing.T) {
	s := filled(90000)
	medic := serve(t, s.register(t, "m"))
	for _, body := range []string{`{"map":"m","strategy":"shrink"}`, `{"map":"m","strategy":"shrink","max_lock_hold_ms":26}`} {
		status, answer := medic.do("POST", "/debug/mapmedic/v1/operations", body)
		if status != 422 || !strings.Contains(answer["error"].(map[string]any)["message"].(string), "90000 entries would hold the lock for about 27ms") {
			t.Errorf("%d %v", status, answer)
		}
	}
	op := medic.begin(`{"map":"m","strategy":"shrink","max_lock_hold_ms":1000}`)
	medic.end(op, "/undo")
	same(t, s.copy(), filled(90000).m)
	t.Logf("longest hold of a shrink of 90,000 entries: %v", nanos(op))
}

// The clock stops a copy that takes longer than reckoned, and nothing has changed.
func TestTheClockStopsACopy(t *testing.T) {
	s := filled(50000)
	target := newMapTarget(reflect.ValueOf(&s.m).Elem(), &s.mu)
	before := target.at.Pointer()
	err := target.copied(target.now(), 100*time.Microsecond, func(more func(int) bool) int {
		copied, _ := target.pour(reflect.MakeMap(target.at.Type()), target.now(), func(n int) bool { time.Sleep(50 * time.Microsecond); return more(n) })
		return copied
	})
	var late tooLarge
	if !errors.As(err, &late) || late.stopped == 0 || late.stopped >= 50000 {
		t.Errorf("%v", err)
	}
	if toProblem(err).status != 422 || !strings.Contains(err.Error(), "of 50000 entries") || target.at.Pointer() != before {
		t.Errorf("%v", err)
	}
}

func nans(n int) map[any]int {
	m := map[any]int{1: 1}
	for i := 0; i < n; i++ {
		m[math.NaN()] = i
	}
	return m
}

func TestShrinkKeepsKeysThatAreNotEqualToThemselves(t *testing.T) {
	m := nans(50)
	reg := NewRegistry()
	if err := RegisterMapIn(reg, "m", &m, new(sync.Mutex)); err != nil {
		t.Fatal(err)
	}
	medic := serve(t, reg)
	medic.end(medic.begin(`{"map":"m","strategy":"shrink"}`), "/commit")
	if len(m) != 51 {
		t.Errorf("%d entries", len(m))
	}
}
