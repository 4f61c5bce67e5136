package main

import (
	"fmt"
	"sync"
	"syscall"

	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

var offHeap = scenario{
	sentence: "every recording goes to pages that syscall.Mmap gave, which no Go profile shows and nobody gives back",
	// The process grows and the Go heap does not: where to look next is outside
	// the heap, and no map has a part in it.
	verdict:  "off_heap",
	defaults: load{entries: 200, rate: 4, valueBytes: 1 << 20},
	start:    func(l load) service { return &recorder{clipBytes: l.valueBytes} },
}

// recorder keeps recordings outside the Go heap.
type recorder struct {
	mu        sync.Mutex
	clips     [][]byte
	clipBytes int
}

// Record keeps a recording, nil when the kernel has no more memory to map.
func (r *recorder) Record(station string) []byte {
	clip, err := r.mapClip()
	if err != nil {
		return nil
	}
	fillWith(clip, hashOf(station)) // touches every page
	return clip
}

func (r *recorder) mapClip() ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	clip, err := inserting(syscall.Mmap)(-1, 0, r.clipBytes,
		syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err == nil {
		r.clips = append(r.clips, clip)
	}
	return clip, err
}

func (r *recorder) add(n int) { r.Record(fmt.Sprintf("station-%d", n)) }

func (r *recorder) work(key string) any {
	clip := r.Record(key)
	return map[string]any{"recorded": clip != nil, "clip": checksum(clip)}
}

// holding has no container of the Go heap to name. The kernel maps whole
// pages.
func (r *recorder) holding() holding {
	r.mu.Lock()
	defer r.mu.Unlock()
	page := syscall.Getpagesize()
	pages := uint64((r.clipBytes + page - 1) / page * page)
	mapped := pages * uint64(len(r.clips))
	return holding{size: mapsize.Measure{Entries: len(r.clips)}, facts: facts{OffHeapBytes: &mapped}}
}
