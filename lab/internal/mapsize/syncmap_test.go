package mapsize

import (
	"fmt"
	"sync"
	"testing"
)

// Boxed beforehand: the boxes belong to keys and values, not to the map.
var boxedTexts = boxAll(texts)

func boxAll(texts []string) []any {
	boxed := make([]any, len(texts))
	for i, text := range texts {
		boxed[i] = text
	}
	return boxed
}

func TestSyncMapThroughItsLife(t *testing.T) {
	var boxedValue any = shared
	store := func(m *sync.Map, from, to int) {
		for i := from; i < to; i++ {
			m.Store(boxedTexts[i], boxedValue)
		}
	}
	remove := func(m *sync.Map, from, to int) {
		for i := from; i < to; i++ {
			m.Delete(boxedTexts[i])
		}
	}
	promote := func(m *sync.Map) { m.Range(func(_, _ any) bool { return true }) }
	for _, n := range []int{0, 1, 9, 100, 1000, 30_000} {
		lives := map[string]struct {
			live    func(*sync.Map)
			entries int
		}{
			"stored":                  {func(m *sync.Map) { store(m, 0, n) }, n},
			"stored, promoted":        {func(m *sync.Map) { store(m, 0, n); promote(m) }, n},
			"promoted, one more":      {func(m *sync.Map) { store(m, 0, n); promote(m); store(m, n, n+1) }, n + 1},
			"half deleted":            {func(m *sync.Map) { store(m, 0, n); promote(m); remove(m, 0, n/2) }, n - n/2},
			"half deleted, one more":  {func(m *sync.Map) { store(m, 0, n); promote(m); remove(m, 0, n/2); store(m, n, n+1) }, n - n/2 + 1},
			"all deleted":             {func(m *sync.Map) { store(m, 0, n); promote(m); remove(m, 0, n) }, 0},
			"deleted before promoted": {func(m *sync.Map) { store(m, 0, n); remove(m, 0, n) }, 0},
		}
		for name, life := range lives {
			keepsAlive(t, fmt.Sprintf("sync.Map of %d, %s", n, name), func() *sync.Map {
				m := new(sync.Map)
				life.live(m)
				return m
			}, func(m *sync.Map) Measure {
				measured := SyncMap(m)
				checkSyncEntries(t, name, m, measured, life.entries)
				return measured
			})
		}
	}
}

func checkSyncEntries(t *testing.T, name string, m *sync.Map, measured Measure, want int) {
	t.Helper()
	if measured.Entries != want {
		t.Errorf("%s: %d entries measured, want %d", name, measured.Entries, want)
	}
	if measured.DeadBytes > measured.ShallowBytes {
		t.Errorf("%s: more dead than there is: %+v", name, measured)
	}
	if before := SyncMap(m); before.ShallowBytes != measured.ShallowBytes {
		t.Errorf("%s: measuring changed the map: %d, then %d bytes", name, measured.ShallowBytes, before.ShallowBytes)
	}
}

// The nodes that deletes leave behind are dead; those of a map that only grew
// are not. In the old design the second inner map is dead after a promotion.
func TestSyncMapDeadBytes(t *testing.T) {
	var m sync.Map
	for i := 0; i < 20_000; i++ {
		m.Store(boxedTexts[i], shared)
	}
	if grown := SyncMap(&m); grown.Design == "hashtrie" && grown.DeadBytes != 0 {
		t.Errorf("a trie that only grew has %d dead bytes", grown.DeadBytes)
	}
	for i := 10; i < 20_000; i++ {
		m.Delete(boxedTexts[i])
	}
	left, fresh := SyncMap(&m), new(sync.Map)
	for i := 0; i < 10; i++ {
		fresh.Store(boxedTexts[i], shared)
	}
	alive := left.ShallowBytes - left.DeadBytes
	if want := SyncMap(fresh).ShallowBytes; alive > want+20*New[[20]uintptr]() || want > alive+20*New[[20]uintptr]() {
		t.Errorf("%d bytes are said to be needed, a fresh map needs %d", alive, want)
	}
}
