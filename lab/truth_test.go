package main

import (
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

// Their matter is no container of the Go heap.
var withoutContainer = map[string]bool{"goroutine-leak": true, "high-gogc": true, "idle-heap": true, "off-heap": true}

// What a scenario says it holds is what the heap lost to it. The slack is for
// the steady cache's background reader and the runtime's own small change; a
// thread that the runtime starts meanwhile costs more (5 KiB), so a loaded
// machine may need several tries.
const slackBytes = 2 << 10

// Each scenario is weighed in a process of its own, by the test below: what
// other tests leave behind would be on the scales.
func TestTruthIsWhatTheHeapHolds(t *testing.T) {
	for _, name := range scenarioNames() {
		if withoutContainer[name] {
			continue
		}
		t.Run(name, func(t *testing.T) {
			for try := 1; ; try++ {
				scales := exec.Command(os.Args[0], "-test.run=^TestWeighing$")
				scales.Env = append(os.Environ(), "LAB_WEIGH="+name)
				out, err := scales.CombinedOutput()
				if err == nil {
					return
				}
				if try == 10 {
					t.Fatalf("%v\n%s", err, out)
				}
			}
		})
	}
}

func TestWeighing(t *testing.T) {
	name := os.Getenv("LAB_WEIGH")
	if name == "" {
		t.Skip("only as a part of TestTruthIsWhatTheHeapHolds")
	}
	debug.SetGCPercent(-1)
	l := load{entries: 5_000, valueBytes: scenarios[name].defaults.valueBytes}
	if name == "huge-values" {
		l.entries = 50
	}
	svc := scenarios[name].start(l)
	svc.holding() // what the first measuring allocates is not the scenario's
	liveHeapBytes()
	weigh(t, "filling", svc, func() {
		for n := 0; n < l.entries; n++ {
			svc.add(n)
		}
	})
	if name != "bounded-lru" { // there the list still holds every page
		weigh(t, "emptying", svc, swapperOf(svc))
	}
}

func weigh(t *testing.T, what string, svc service, change func()) {
	heldBefore, before := heldBytes(svc), liveHeapBytes()
	change()
	after, heldAfter := liveHeapBytes(), heldBytes(svc)
	runtime.KeepAlive(svc)
	grown, told := int64(after-before), int64(heldAfter-heldBefore)
	if off := grown - told; off < -slackBytes || off > slackBytes {
		t.Errorf("%s: the heap grew by %d bytes, the truth by %d (%+d)", what, grown, told, off)
	}
}

func heldBytes(svc service) uint64 {
	h := svc.holding()
	return h.size.ShallowBytes + h.valuesBytes
}

func liveHeapBytes() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestTruthOfEveryScenario(t *testing.T) {
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			p := startLab(t, name, "--entries", "700", "--rate", "0", "--value-bytes", "1000", "--exit-with-stdin")
			told := p.truth()
			if told.Schema != "mapmedic.lab.truth/1" || told.Scenario != name || told.PID != p.cmd.Process.Pid ||
				told.GoVersion != runtime.Version() || told.Sentence != s.sentence || told.ExpectedVerdict != s.verdict {
				t.Errorf("wrong head: %+v", told)
			}
			want := 700
			if name == "emptied-map" {
				want = 0
			}
			if told.Entries != want {
				t.Errorf("%d entries, want %d of the 700 asked for", told.Entries, want)
			}
			if (told.Path == nil) != withoutContainer[name] || (told.Path == nil) != (told.ShallowBytes == nil || told.ValuesBytes == nil) {
				t.Errorf("path %v and bytes %v do not fit together", told.Path, told.ShallowBytes)
			}
			if sum := sumOfParts(told.Parts); len(told.Parts) > 0 && (sum.Entries != told.Entries ||
				*sum.Capacity != *told.Capacity || sum.ShallowBytes != *told.ShallowBytes ||
				sum.DeadBytes != *told.DeadBytes || sum.valuesBytes != *told.ValuesBytes) {
				t.Errorf("the parts are %+v, the whole is %+v", sum, told)
			}
			if told.Insertion == nil || told.Insertion.Line == 0 {
				t.Errorf("no insertion: %+v", told.Insertion)
			}
		})
	}
}

// sumOfParts adds up by hand what sumOf has added up.
func sumOfParts(parts []part) (sum struct {
	mapsize.Measure
	valuesBytes uint64
}) {
	sum.Capacity = new(int)
	for _, p := range parts {
		sum.Entries += p.Entries
		*sum.Capacity += *p.Capacity
		sum.ShallowBytes += p.ShallowBytes
		sum.DeadBytes += p.DeadBytes
		sum.valuesBytes += p.ValuesBytes
	}
	return sum
}

func TestEveryMapOfSeveralIsListed(t *testing.T) {
	for name, want := range map[string]int{"sharded-map": 16, "map-of-maps": 24, "channel-buffer": 3, "finalizer-map": 3} {
		svc := scenarios[name].start(load{valueBytes: 64})
		for n := 0; n < 1_200; n++ {
			svc.add(n)
		}
		h := svc.holding()
		paths := map[string]bool{}
		for _, p := range h.parts {
			paths[p.Path] = true
		}
		if len(paths) != want || h.size.Entries != 1_200 {
			t.Errorf("%s: %d entries in %v, want 1200 in %d maps", name, h.size.Entries, paths, want)
		}
	}
}

func TestEmptiedMapKeepsItsSlots(t *testing.T) {
	b := emptiedMap.start(load{entries: 5_000, valueBytes: 16})
	for n := 0; n < 5_000; n++ {
		if n == 4_999 {
			if open := b.holding().size.Entries; open != n {
				t.Errorf("%d orders open before the last, want %d", open, n)
			}
		}
		b.add(n)
	}
	full := b.holding().size
	if full.Entries != 0 || *full.Capacity < 5_000 || full.DeadBytes < full.ShallowBytes*99/100 {
		t.Errorf("not an empty map with all its slots: %+v, capacity %d", full, *full.Capacity)
	}
	b.add(5_000)
	if now := b.holding().size; now.Entries != 0 || *now.Capacity != *full.Capacity {
		t.Errorf("one more order has left %+v, capacity %d, before %d", now, *now.Capacity, *full.Capacity)
	}
}

func TestEveryBatchHasAMapOfItsOwn(t *testing.T) {
	m := batchMaps.start(load{entries: 1_000, valueBytes: 16})
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	for n := 0; n < 100*1_000; n++ {
		m.add(n)
	}
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	h := m.holding()
	if made := after.TotalAlloc - before.TotalAlloc; h.size.Entries != 1_000 || made < 100*h.size.ShallowBytes {
		t.Errorf("%d bytes were allocated for 100 batches, the last of which is %+v", made, h.size)
	}
}

// In a test the type argument has the package's whole path; in the lab it is
// main, as it is in every profile.
func TestGenericNameIsThatOfTheInstance(t *testing.T) {
	p := startLab(t, "generic-cache", "--entries", "10", "--rate", "0", "--exit-with-stdin")
	told := p.truth()
	if *told.Declared != "main.Cache[string,*main.Thumbnail].items" || *told.Type != "map[string]*main.Thumbnail" {
		t.Errorf("declared %q, type %q", *told.Declared, *told.Type)
	}
}

// The segments that are out of reach outlast every collection, or the
// scenario would not leak.
func TestFinalizersOfACycleNeverRun(t *testing.T) {
	svc := finalizerMap.start(load{valueBytes: 64})
	for n := 0; n < 10*segmentDocs; n++ {
		svc.add(n)
	}
	for i := 0; i < 5; i++ {
		runtime.GC()
	}
	if h := svc.holding(); h.size.Entries != 10*segmentDocs {
		t.Errorf("%d documents after 5 collections, want all %d", h.size.Entries, 10*segmentDocs)
	}
}

func TestRateAddsEntries(t *testing.T) {
	p := startLab(t, "struct-field", "--entries", "10", "--rate", "5000", "--exit-with-stdin")
	for p.truth().Entries < 100 {
		runtime.Gosched() // go test's own time limit ends this if it never comes
	}
}

func TestBoundedLRUStaysAtItsBound(t *testing.T) {
	c := NewLRUCache(50, 64)
	for n := 0; n < 500; n++ {
		c.add(n)
	}
	if h := c.holding(); h.size.Entries != 50 || c.order.Len() != 50 {
		t.Errorf("%d in the map, %d in the list, bound 50", h.size.Entries, c.order.Len())
	}
}
