package main

import (
	"fmt"
	"reflect"
	"runtime/debug"
	"sync"
	"time"

	"github.com/mapmedic/mapmedic/agent"
	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

var emptiedMap = scenario{
	sentence: "orders piled up in a map during an outage and were all deleted after it, and free memory was returned: the map is empty and as large as ever",
	// Nothing grows and nothing is in the map, so it is no leak of entries. But
	// its slots are most of the heap, and only a new map gives them back.
	verdict:  "map_never_shrinks",
	defaults: load{entries: 500_000, rate: 500, valueBytes: 16},
	start: func(l load) service {
		inflight = &orderBook{open: make(map[orderID]openOrder), outage: l.entries, noteBytes: l.valueBytes}
		return inflight
	},
}

const openField = "main.orderBook.open"

var inflight *orderBook

type orderID [16]byte

// openOrder lies in the map's slots.
type openOrder struct {
	customer uint64
	placed   time.Time
	lines    [8]uint32
	note     []byte
}

// orderBook keeps the orders that are not yet completed.
type orderBook struct {
	mu        sync.Mutex
	open      map[orderID]openOrder
	serial    uint64
	outage    int // orders that pile up before the first is completed
	noteBytes int
}

// Process places an order and, unless there is an outage, completes it.
func (b *orderBook) Process(customer string) (orderID, openOrder) {
	o := newOrder(customer, b.noteBytes)
	id := b.place(o)
	if outageEnds := b.complete(id); outageEnds {
		debug.FreeOSMemory() // all it cannot return are the map's slots
	}
	return id, o
}

func newOrder(customer string, noteBytes int) openOrder {
	o := openOrder{customer: hashOf(customer), placed: time.Now(), note: make([]byte, noteBytes)}
	fillWith(o.note, o.customer)
	return o
}

func (b *orderBook) place(o openOrder) (id orderID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.serial++
	fillWith(id[:], b.serial)
	b.open[id] = inserting(o)
	return id
}

// complete deletes an order; at the end of the outage, all there are.
func (b *orderBook) complete(id orderID) (outageEnds bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.serial < uint64(b.outage) {
		return false
	}
	if b.serial > uint64(b.outage) {
		delete(b.open, id)
		return false
	}
	for id := range b.open { // not clear: orders are completed one by one
		delete(b.open, id)
	}
	return true
}

func (b *orderBook) add(n int) { b.Process(fmt.Sprintf("customer-%d", n)) }

func (b *orderBook) work(key string) any {
	id, o := b.Process(key)
	return map[string]any{"order": fmt.Sprintf("%x", id), "customer": o.customer, "note": checksum(o.note)}
}

func (b *orderBook) register() error {
	return agent.RegisterMap(openField, &b.open, &b.mu)
}

func (b *orderBook) holding() holding {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := holding{
		path: "main.inflight.open", declared: openField,
		typ: reflect.TypeOf(b.open), size: mapsize.Map(b.open),
	}
	for _, o := range b.open {
		h.valuesBytes += mapsize.Bytes(o.note)
	}
	return h
}
