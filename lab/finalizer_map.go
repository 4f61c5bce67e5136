package main

import (
	"fmt"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

var finalizerMap = scenario{
	sentence: "full index segments are left to their finalizers, which never run, for each segment refers to itself through its writer",
	// runtime.SetFinalizer: a cycle with a finalizer in it is not guaranteed to
	// be collected, and is not. The maps in it are beyond everybody's reach and
	// alive: their entries only become more.
	verdict:  "map_leak",
	defaults: load{entries: 120_000, rate: 2_000, valueBytes: 1_000},
	start:    func(l load) service { return &segmentedIndex{textBytes: l.valueBytes} },
}

const (
	docsField   = "main.Segment.docs"
	segmentDocs = 500
)

// Doc is one indexed document.
type Doc struct {
	ID   string
	Text []byte
}

// Segment is a part of the index, closed by its finalizer.
type Segment struct {
	docs   map[string]*Doc
	writer *segmentWriter
}

type segmentWriter struct {
	segment *Segment // the mistake
	written int
}

type segmentedIndex struct {
	mu        sync.Mutex
	current   *Segment
	serial    atomic.Uint64
	textBytes int
	// addresses are those of all segments, for the truth alone: to the
	// garbage collector a uintptr keeps nothing alive.
	addresses []uintptr
}

// Index takes in a document.
func (x *segmentedIndex) Index(title string) *Doc {
	d := newDoc(title, x.serial.Add(1), x.textBytes)
	x.put(d)
	return d
}

func newDoc(title string, serial uint64, textBytes int) *Doc {
	d := &Doc{ID: fmt.Sprintf("doc-%012d/%s", serial, title), Text: make([]byte, textBytes)}
	fillWith(d.Text, serial)
	return d
}

func (x *segmentedIndex) put(d *Doc) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.current == nil || len(x.current.docs) == segmentDocs {
		x.rotate()
	}
	x.current.docs[d.ID] = inserting(d)
	x.current.writer.written++
}

// rotate begins a segment and forgets the full one.
func (x *segmentedIndex) rotate() {
	s := &Segment{docs: make(map[string]*Doc)}
	s.writer = &segmentWriter{segment: s}
	runtime.SetFinalizer(s, x.close)
	x.current = s
	x.addresses = append(x.addresses, uintptr(unsafe.Pointer(s)))
}

// close would be the end of a segment. Should a runtime ever call it, the
// truth stays the truth.
func (x *segmentedIndex) close(s *Segment) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, address := range x.addresses {
		if address == uintptr(unsafe.Pointer(s)) {
			x.addresses = append(x.addresses[:i], x.addresses[i+1:]...)
			return
		}
	}
}

func (x *segmentedIndex) add(n int) { x.Index(fmt.Sprintf("title-%d", n)) }

func (x *segmentedIndex) work(key string) any {
	d := x.Index(key)
	return map[string]any{"doc": d.ID, "text": checksum(d.Text)}
}

// holding is of all segments. The newest is held by the service as well, and
// whoever is held needs no finalizer to be alive.
func (x *segmentedIndex) holding() holding {
	x.mu.Lock()
	defer x.mu.Unlock()
	parts := make([]part, len(x.addresses))
	for i, address := range x.addresses {
		s := segmentAt(address)
		parts[i] = part{
			Path:    fmt.Sprintf("finalizer main.(*Segment)(%#x).docs", address),
			Measure: mapsize.Map(s.docs),
		}
		if s == x.current {
			parts[i].Path = docsField
		}
		for _, d := range s.docs {
			// The key is the same text as d.ID.
			parts[i].ValuesBytes += mapsize.New[Doc]() + mapsize.String(d.ID) + mapsize.Bytes(d.Text)
		}
	}
	h := sumOf(parts)
	h.path, h.declared, h.typ = "finalizer main.(*Segment).docs", docsField, reflect.TypeOf(map[string]*Doc(nil))
	return h
}

// segmentAt trusts that the segment is alive, which is what is wrong with it.
func segmentAt(address uintptr) *Segment { return *(**Segment)(unsafe.Pointer(&address)) }
