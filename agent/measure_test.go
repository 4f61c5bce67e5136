package agent

import (
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// Figures for the reference: MAPMEDIC_MEASURE=1000000 go test -run Measure -v .
func TestMeasureTheLongestHold(t *testing.T) {
	entries, err := strconv.Atoi(os.Getenv("MAPMEDIC_MEASURE"))
	if err != nil {
		t.Skip("MAPMEDIC_MEASURE is not a number of entries")
	}
	for _, strategy := range strategies {
		for since := 0; since <= 20000; since += 20000 {
			s := filled(entries)
			reg := s.register(t, "m")
			target, _ := reg.lookup("m")
			what := taskFor(t, strategy, target.target.types())
			runtime.GC()
			op, err := reg.desk.begin(order{reg: target, task: what, hold: time.Hour, log: quiet()})
			if err != nil {
				t.Logf("%-6s %d entries: %v", strategy, entries, err)
				continue
			}
			taken := op.view()
			for i := 1; i <= since; i++ {
				s.set(keyOf(-i), i)
			}
			if err := op.undo(stateUndone); err != nil {
				t.Fatal(err)
			}
			t.Logf("%-6s %d taken of %d: longest hold %v, whole %v; undo with %d new: longest hold %v", strategy, taken.Entries, entries,
				time.Duration(taken.LockHoldNs), time.Duration(taken.DetachNs).Round(time.Millisecond), since, op.done.longestHold)
			if strategy == strategyEvict {
				found, err := target.target.count(what)
				t.Logf("plan of an evict: %d of %d, longest hold %v, whole %v, %v", found.matched, found.scanned, found.times.hold, found.took, err)
			}
		}
	}
}
