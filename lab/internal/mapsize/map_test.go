package mapsize

import (
	"fmt"
	"testing"
)

// Around every threshold of both designs: small maps, the first table, splits
// and growth of the directory (Swiss), the load factor of 6.5 and the stock of
// overflow buckets from 16 buckets on (classic).
var (
	manyCounts = []int{0, 1, 7, 8, 9, 12, 13, 14, 15, 49, 53, 105, 448, 449, 897, 1793, 6657, 53_249}
	someCounts = []int{8, 9, 13, 53, 449, 897, 6657}
)

type structKey struct {
	tenant int32
	shard  uint16
	name   string
}

type (
	wideValue  [200]byte // pointer-free and too large for a slot
	wideKey    [136]byte
	richValue  struct{ name, text [5]string } // 160 bytes, pointers, indirect
	fullInline [128]byte
)

// Values and texts are made once: only the map's own bytes are to be counted.
var (
	texts  = makeTexts(60_000)
	shared = new(int)
)

func makeTexts(n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf("key number %010d", i)
	}
	return texts
}

func TestMapsOfManyTypes(t *testing.T) {
	t.Run("string to pointer", func(t *testing.T) {
		checkMap(t, manyCounts, func(i int) string { return texts[i] }, func(int) *int { return shared })
	})
	t.Run("int64 to int64", func(t *testing.T) {
		checkMap(t, manyCounts, func(i int) int64 { return int64(i) }, func(i int) int64 { return int64(i) })
	})
	t.Run("int32 to nothing", func(t *testing.T) {
		checkMap(t, someCounts, func(i int) int32 { return int32(i) }, func(int) struct{} { return struct{}{} })
	})
	t.Run("byte and word", func(t *testing.T) {
		checkMap(t, someCounts, func(i int) uint16 { return uint16(i) }, func(i int) uint64 { return uint64(i) })
	})
	t.Run("struct key", func(t *testing.T) {
		checkMap(t, someCounts, func(i int) structKey { return structKey{int32(i), uint16(i), texts[i]} },
			func(int) *int { return shared })
	})
	t.Run("interface to interface", func(t *testing.T) {
		checkMap(t, someCounts, func(i int) any { return texts[i] }, func(int) any { return shared })
	})
	t.Run("largest inline value", func(t *testing.T) {
		checkMap(t, someCounts, func(i int) int64 { return int64(i) }, func(int) fullInline { return fullInline{} })
	})
	t.Run("indirect value", func(t *testing.T) {
		checkMap(t, someCounts, func(i int) int64 { return int64(i) }, func(int) wideValue { return wideValue{} })
	})
	t.Run("indirect value with pointers", func(t *testing.T) {
		checkMap(t, someCounts, func(i int) string { return texts[i] }, func(int) richValue { return richValue{} })
	})
	t.Run("indirect key and value", func(t *testing.T) {
		checkMap(t, someCounts, func(i int) wideKey { return wideKey{byte(i), byte(i >> 8), byte(i >> 16)} },
			func(int) wideValue { return wideValue{} })
	})
}

// checkMap puts one map type through every size and every history. Interface
// keys of type string are boxed by the caller: 16 bytes each that are the
// key's, not the map's.
func checkMap[K comparable, V any](t *testing.T, counts []int, key func(int) K, value func(int) V) {
	for _, n := range counts {
		checkRebuilt[K, V](t, n, key, value)
		for history, build := range histories(n, key, value) {
			keepsAlive(t, fmt.Sprintf("%d entries, %s", n, history), build, func(m map[K]V) Measure {
				measured := Map(m)
				checkPlausible(t, len(m), measured)
				measured.ShallowBytes += boxes(m)
				return measured
			})
		}
	}
}

func checkPlausible(t *testing.T, entries int, m Measure) {
	t.Helper()
	if m.Entries != entries || *m.Capacity < entries || m.DeadBytes > m.ShallowBytes {
		t.Errorf("impossible: %d entries, measured %+v, capacity %d", entries, m, *m.Capacity)
	}
}

func boxes[K comparable, V any](m map[K]V) uint64 {
	if _, ok := any(m).(map[any]any); !ok {
		return 0
	}
	return uint64(len(m)) * New[string]()
}

func histories[K comparable, V any](n int, key func(int) K, value func(int) V) map[string]func() map[K]V {
	insert := func(m map[K]V, from, to int) map[K]V {
		for i := from; i < to; i++ {
			m[key(i)] = value(i)
		}
		return m
	}
	remove := func(m map[K]V, every int) map[K]V {
		for i := 0; i < n; i += every {
			delete(m, key(i))
		}
		return m
	}
	return map[string]func() map[K]V{
		"grown":               func() map[K]V { return insert(map[K]V{}, 0, n) },
		"made to size":        func() map[K]V { return insert(make(map[K]V, n), 0, n) },
		"every second gone":   func() map[K]V { return remove(insert(map[K]V{}, 0, n), 2) },
		"all deleted":         func() map[K]V { return remove(insert(map[K]V{}, 0, n), 1) },
		"deleted, then again": func() map[K]V { return insert(remove(insert(map[K]V{}, 0, n), 1), n/2, n/2+n/3) },
		"cleared": func() map[K]V {
			m := insert(map[K]V{}, 0, n)
			clear(m)
			return m
		},
	}
}

// checkRebuilt compares the yardstick for dead bytes with what make does.
func checkRebuilt[K comparable, V any](t *testing.T, n int, key func(int) K, value func(int) V) {
	indirect := mapTypeOf(mapReflectType[K, V]()).indirectBytes
	first, elem := key(0), value(0)
	exactly(t, fmt.Sprintf("make(map, %d)", n), func() (uint64, uint64) {
		computed := Rebuilt[map[K]V](n) - indirect(n)
		before := allocatedBytes()
		m := make(map[K]V, n)
		if n > 0 {
			m[first] = elem // small maps get their first slots here
			computed += indirect(1)
		}
		after := allocatedBytes()
		sink = m
		return after - before, computed
	})
}

// Growing by inserts stops in the middle of moving buckets (classic) and with
// tables of different ages (Swiss): measured at every single step.
func TestEveryStepOfGrowth(t *testing.T) {
	for n := 1; n < 230; n++ {
		keepsAlive(t, fmt.Sprintf("%d entries", n), func() map[string]*int {
			m := map[string]*int{}
			for i := 0; i < n; i++ {
				m[texts[i]] = shared
			}
			return m
		}, Map[map[string]*int])
	}
}

func TestDeadBytesOfAnEmptiedMap(t *testing.T) {
	m := map[int64]int64{}
	for i := int64(0); i < 10_000; i++ {
		m[i] = i
	}
	full := Map(m)
	for i := int64(10); i < 10_000; i++ {
		delete(m, i)
	}
	emptied := Map(m)
	if emptied.ShallowBytes != full.ShallowBytes {
		t.Errorf("delete gave back %d bytes: it never does", full.ShallowBytes-emptied.ShallowBytes)
	}
	if want := full.ShallowBytes - Rebuilt[map[int64]int64](10); emptied.DeadBytes != want {
		t.Errorf("dead %d, want %d", emptied.DeadBytes, want)
	}
}

func TestNilMapIsNothing(t *testing.T) {
	if got := Map(map[string]int(nil)); got.ShallowBytes != 0 || got.DeadBytes != 0 || *got.Capacity != 0 {
		t.Errorf("a nil map measured as %+v", got)
	}
}
