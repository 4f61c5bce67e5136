// Package guide measures what the guide that this project grew out of says about Go, on the Go that runs the test.
// docs/concepts/what-the-guide-gets-wrong.md names the test for each claim.
package guide

import (
	"runtime"
	"runtime/debug"
	"testing"
	"unsafe"
)

const (
	entries = 200_000
	small   = 1_000_000
)

type item struct{ payload [512]byte }

var (
	cacheMap map[int]*item
	counts   map[int64]int64
	sinks    []map[int]int
)

func filled() map[int]*item {
	m := make(map[int]*item)
	for i := 0; i < entries; i++ {
		m[i] = new(item)
	}
	return m
}

// heap returns the bytes of live objects: two collections, for a finalizer or a sweep may lag by one.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc)
}

// kept returns which share of what the heap held above base it still holds.
func kept(t *testing.T, base, full float64) float64 {
	t.Helper()
	share := (heap() - base) / (full - base)
	t.Logf("%s: %.1f of %.1f MB still held (%.0f %%)", runtime.Version(), share*(full-base)/1e6, (full-base)/1e6, 100*share)
	return share
}

// Chapter 1: `cacheMap = nil` leaves the buckets held. Not where nothing else refers to the map.
func TestASharedMapSetToNilIsFreed(t *testing.T) {
	base := heap()
	cacheMap = filled()
	full := heap()
	cacheMap = nil
	if share := kept(t, base, full); share > 0.05 {
		t.Errorf("%.0f %% is still held", 100*share)
	}
}

// Chapter 1, right: a closure that still refers to the map holds all of it.
func TestAClosureHoldsTheMap(t *testing.T) {
	base := heap()
	cacheMap = filled()
	held := cacheMap
	length := func() int { return len(held) }
	full := heap()
	cacheMap = nil
	if share := kept(t, base, full); share < 0.95 {
		t.Errorf("only %.0f %% is still held", 100*share)
	}
	runtime.KeepAlive(length)
}

// Chapter 1: delete every key. The arrays of the map stay, whether its keys are deleted or cleared.
func TestDeleteAndClearKeepTheBuckets(t *testing.T) {
	for _, way := range []struct {
		name  string
		empty func()
		least float64
		most  float64
	}{
		{"delete", func() {
			for key := range counts {
				delete(counts, key)
			}
		}, 0.9, 1.1},
		{"clear", func() { clear(counts) }, 0.9, 1.1},
		{"a fresh map", func() { counts = make(map[int64]int64) }, -0.1, 0.05},
	} {
		t.Run(way.name, func(t *testing.T) {
			counts = nil
			base := heap()
			counts = make(map[int64]int64)
			for i := int64(0); i < small; i++ {
				counts[i] = i
			}
			full := heap()
			way.empty()
			if len(counts) != 0 {
				t.Fatalf("%d entries left", len(counts))
			}
			if share := kept(t, base, full); share < way.least || share > way.most {
				t.Errorf("%.0f %% is still held", 100*share)
			}
		})
	}
	counts = nil
}

// Chapter 1: runtime.GC() brings RSS down. One collection frees objects, but hardly a page goes back to the kernel.
func TestOneCollectionReturnsLittleToTheKernel(t *testing.T) {
	debug.FreeOSMemory()
	cacheMap = filled()
	full := heap()
	for key := range cacheMap {
		delete(cacheMap, key)
	}
	runtime.GC()
	afterGC := resident()
	debug.FreeOSMemory()
	afterFree := resident()
	t.Logf("%s: heap %.0f MB full; kept from the kernel: %.0f MB after runtime.GC, %.0f MB after FreeOSMemory",
		runtime.Version(), full/1e6, afterGC/1e6, afterFree/1e6)
	if afterGC < 0.6*full {
		t.Errorf("one collection returned %.0f MB", (full-afterGC)/1e6)
	}
	if afterFree > 0.4*full {
		t.Errorf("FreeOSMemory left %.0f MB", afterFree/1e6)
	}
	cacheMap = nil
}

// resident returns the heap's bytes that have not gone back to the kernel.
func resident() float64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapSys - stats.HeapReleased)
}

// 2.1, right: a nil map has length 0, can be read, and panics on a write; the panic can be recovered.
func TestANilMap(t *testing.T) {
	var m map[int]string
	if len(m) != 0 || m[42] != "" {
		t.Error("a nil map cannot be read")
	}
	defer func() {
		if recover() == nil {
			t.Error("a write to a nil map does not panic")
		}
	}()
	m[42] = "hello"
}

// 2.2: a map without buckets panics on a write. It does not: they are made by the first one.
func TestAMapWithoutBucketsCanBeWritten(t *testing.T) {
	m := make(map[int]int)
	sinks = append(sinks, m) // on the heap, like the guide's
	// buckets of hmap up to Go 1.23, dirPtr of maps.Map from 1.24: both the word at 16.
	header := *(*unsafe.Pointer)(unsafe.Pointer(&m))
	buckets := (*unsafe.Pointer)(unsafe.Add(header, 16))
	if *buckets != nil {
		t.Fatal("this map has buckets already")
	}
	m[1] = 1
	if *buckets == nil || m[1] != 1 {
		t.Error("the write did not make them")
	}
	sinks = nil
}

// 2.3: an empty map costs about 160 bytes that the GC cannot collect. It costs 48, and they are collected;
// where it does not escape it costs nothing.
func TestAnEmptyMapIs48BytesAndIsCollected(t *testing.T) {
	sinks = make([]map[int]int, entries)
	base := heap()
	for i := range sinks {
		sinks[i] = make(map[int]int)
	}
	each := (heap() - base) / entries
	t.Logf("%s: %.1f bytes each", runtime.Version(), each)
	if each < 47 || each > 49 {
		t.Errorf("%.1f bytes each", each)
	}
	clear(sinks)
	if left := (heap() - base) / entries; left > 1 {
		t.Errorf("%.1f bytes of each are still held", left)
	}
	sinks = nil
	if allocations := testing.AllocsPerRun(100, func() { _ = len(make(map[int]int)) }); allocations != 0 {
		t.Errorf("%.0f allocations where it does not escape", allocations)
	}
}

// 2.4: a map made anew for every batch grows the heap. It is garbage at once.
func TestAMapMadeForEveryBatchIsGarbageAtOnce(t *testing.T) {
	base := heap()
	for batch := 0; batch < 50; batch++ {
		sinks = []map[int]int{make(map[int]int)}
		for i := 0; i < 10_000; i++ {
			sinks[0][i]++
		}
	}
	sinks = nil
	if grown := heap() - base; grown > 1<<20 {
		t.Errorf("the heap grew by %.0f bytes", grown)
	}
}
