//go:build !go1.24 || (!go1.26 && !goexperiment.synchashtriemap)

package mapsize

import (
	"sync"
	"unsafe"
)

// mutexMap is sync.Map up to Go 1.23: a map read without a lock, and one
// behind a mutex for keys that are new since the last promotion.
type mutexMap struct {
	mu     sync.Mutex
	read   unsafe.Pointer // *readOnly
	dirty  map[any]*syncEntry
	misses int
}

type readOnly struct {
	m       map[any]*syncEntry
	amended bool
}

type syncEntry struct {
	p unsafe.Pointer // *any, nil (deleted) or a mark (expunged)
}

// SyncMap measures a sync.Map. The caller keeps writers away; readers may go
// on, except that they wait where they would take the map's mutex.
func SyncMap(m *sync.Map) Measure {
	s := (*mutexMap)(unsafe.Pointer(m))
	s.mu.Lock()
	defer s.mu.Unlock()
	var read readOnly
	own := uint64(unsafe.Sizeof(*m))
	if s.read != nil {
		read = *(*readOnly)(s.read)
		own += New[readOnly]()
	}
	live, objects := s.entries(read.m)
	inRead, inDirty := Map(read.m), Map(s.dirty)
	own += inRead.ShallowBytes + inDirty.ShallowBytes
	own += uint64(objects)*New[syncEntry]() + uint64(live)*New[any]()
	capacity := *inRead.Capacity + *inDirty.Capacity
	return Measure{
		Design: "sync.Map", Entries: live, Capacity: &capacity,
		ShallowBytes: own, DeadBytes: excess(own, rebuiltMutexMap(live)),
	}
}

// entries counts the entries that Range would show and the entry objects held.
func (s *mutexMap) entries(read map[any]*syncEntry) (live, objects int) {
	s.each(read, func(_ any, e *syncEntry, expunged bool) {
		objects++
		if e.p != nil && !expunged {
			live++
		}
	})
	return live, objects
}

// each visits every entry object once. While dirty exists it has every entry
// of read that is not expunged, and only then can there be expunged ones: so
// the runtime's mark for them need not be known.
func (s *mutexMap) each(read map[any]*syncEntry, visit func(key any, e *syncEntry, expunged bool)) {
	current := read
	if s.dirty != nil {
		current = s.dirty
		for key, e := range read {
			if _, ok := s.dirty[key]; !ok {
				visit(key, e, true)
			}
		}
	}
	for key, e := range current {
		visit(key, e, false)
	}
}

// DeletedKeys lists keys that were deleted and are still held: this design
// lets go of them when it next rebuilds its inner map.
func DeletedKeys(m *sync.Map) []any {
	s := (*mutexMap)(unsafe.Pointer(m))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.read == nil {
		return nil
	}
	var keys []any
	s.each((*readOnly)(s.read).m, func(key any, e *syncEntry, expunged bool) {
		if e.p == nil || expunged {
			keys = append(keys, key)
		}
	})
	return keys
}

// rebuiltMutexMap is a fresh sync.Map with these entries in one inner map.
func rebuiltMutexMap(entries int) uint64 {
	total := uint64(unsafe.Sizeof(sync.Map{}))
	if entries == 0 {
		return total
	}
	perEntry := New[syncEntry]() + New[any]()
	return total + New[readOnly]() + Rebuilt[map[any]*syncEntry](entries) + uint64(entries)*perEntry
}
