package main

import (
	"fmt"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// metric is one figure of /metrics.
func (p *process) metric(name string) float64 {
	p.t.Helper()
	for _, line := range strings.Split(p.get("/metrics"), "\n") {
		var value float64
		if _, err := fmt.Sscanf(line, name+" %g", &value); err == nil {
			return value
		}
	}
	p.t.Fatalf("/metrics has no %s", name)
	return 0
}

func (p *process) collect() { p.get("/debug/pprof/heap?gc=1") }

func TestOffHeapIsOutsideTheGoHeap(t *testing.T) {
	p := startLab(t, "off-heap", "--entries", "64", "--rate", "0", "--exit-with-stdin")
	told := p.truth()
	if told.OffHeapBytes == nil || *told.OffHeapBytes != 64<<20 {
		t.Fatalf("the truth is %+v, want 64 MiB off the heap", told.facts)
	}
	if rss := p.metric("process_resident_memory_bytes"); rss < 64<<20 {
		t.Errorf("%v bytes are resident: not every page was touched", rss)
	}
	if sys := p.metric("go_memstats_sys_bytes"); sys > 32<<20 {
		t.Errorf("the Go runtime counts %v bytes as its own", sys)
	}
}

func TestHighGOGCHoldsGarbage(t *testing.T) {
	p := startLab(t, "high-gogc", "--entries", "2000", "--rate", "0", "--exit-with-stdin")
	before := p.metric("go_memstats_heap_alloc_bytes")
	p.collect()
	if after := p.metric("go_memstats_heap_alloc_bytes"); before < 3*after {
		t.Errorf("%v bytes before a collection, %v after: hardly any garbage", before, after)
	}
	if told := p.truth(); told.GCPercent == nil || *told.GCPercent != rarelyCollect {
		t.Errorf("the truth is %+v", told.facts)
	}
}

func TestLeakOnHighGOGCSurvivesCollection(t *testing.T) {
	p := startLab(t, "high-gogc-leak", "--entries", "2000", "--rate", "0", "--exit-with-stdin")
	p.collect()
	told := p.truth()
	if after := p.metric("go_memstats_heap_alloc_bytes"); after < float64(*told.ShallowBytes+*told.ValuesBytes) {
		t.Errorf("%v bytes after a collection, but the map alone holds %d", after, *told.ShallowBytes+*told.ValuesBytes)
	}
	if told.GCPercent == nil || *told.GCPercent != rarelyCollect {
		t.Errorf("the truth is %+v", told.facts)
	}
}

func TestIdleHeapIsNotReturned(t *testing.T) {
	p := startLab(t, "idle-heap", "--entries", "20000", "--exit-with-stdin")
	told := p.truth()
	if told.FreedBytes == nil || *told.FreedBytes < 20_000*2_000 {
		t.Fatalf("the truth is %+v", told.facts)
	}
	idle := p.metric("go_memstats_heap_idle_bytes") - p.metric("go_memstats_heap_released_bytes")
	if idle < float64(*told.FreedBytes)/2 {
		t.Errorf("%v bytes are idle and not returned, of %d freed", idle, *told.FreedBytes)
	}
	if alive := p.metric("go_memstats_heap_inuse_bytes"); alive > idle/4 {
		t.Errorf("%v bytes are in use: the import is not gone", alive)
	}
}

func TestWarmUpIsFlatWhenItHasEverything(t *testing.T) {
	svc := warmUpMap.start(load{entries: 100, rate: 50, valueBytes: 16, flatAfter: 2 * time.Second})
	for n := 0; n < 1_000; n++ {
		svc.add(n)
		h := svc.holding()
		if want := min(n+1, 200); h.size.Entries != want || h.facts.WarmUp.Flat != (want == 200) {
			t.Fatalf("after %d: %d entries, %+v", n+1, h.size.Entries, *h.facts.WarmUp)
		}
	}
}

func TestWarmUpFlattensInItsTime(t *testing.T) {
	p := startLab(t, "warm-up", "--entries", "10", "--rate", "1000", "--flat-after", "300ms", "--exit-with-stdin")
	told := p.truth()
	for !told.WarmUp.Flat { // go test's own time limit ends this if it never comes
		time.Sleep(10 * time.Millisecond)
		told = p.truth()
	}
	if told.Entries != 310 || told.WarmUp.FlatAtEntries != 310 || told.WarmUp.FlatAfterSeconds != 0.3 {
		t.Errorf("flat with %d entries: %+v", told.Entries, *told.WarmUp)
	}
}

func TestSweeperTakesWhatIsOver(t *testing.T) {
	c := newBasketCache(load{entries: 100, rate: 10, valueBytes: 16})
	if c.lifetime != 10*time.Second {
		t.Fatalf("a lifetime of %v does not keep 100 entries at 10 a second", c.lifetime)
	}
	for n := 0; n < 100; n++ {
		c.add(n)
	}
	filled := time.Now()
	for _, step := range []struct{ after, left int }{{0, 100}, {5, 50}, {11, 0}} {
		c.sweep(filled.Add(time.Duration(step.after) * time.Second))
		// Half a lifetime later, the basket in the middle may just be alive.
		if left := c.holding().size.Entries; left < step.left-1 || left > step.left+1 {
			t.Errorf("%d s later there are %d baskets, want %d", step.after, left, step.left)
		}
	}
}

// keepGCPercent undoes what a scenario started in this process sets.
func keepGCPercent(t *testing.T) {
	percent := debug.SetGCPercent(100)
	debug.SetGCPercent(percent)
	t.Cleanup(func() { debug.SetGCPercent(percent) })
}
