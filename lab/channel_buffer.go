package main

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

var channelBuffer = scenario{
	sentence: "events are gathered in maps that wait in a channel for a sender that has stopped",
	// What grows is map entries behind one insertion. That the maps hang on a
	// channel tells why nobody takes them away; no goroutine waits anywhere.
	verdict:  "map_leak",
	defaults: load{entries: 120_000, rate: 2_000, valueBytes: 1_000},
	start: func(l load) service {
		outbox = make(chan eventBatch, maxBatches)
		return &eventDesk{detailBytes: l.valueBytes}
	},
}

const (
	batchField  = "main.eventBatch.m"
	batchEvents = 500
	maxBatches  = 10_000 // far more than any machine has memory for: the mistake
)

// outbox has lost its receiver.
var outbox chan eventBatch

// eventBatch is what is sent in one go. It queues from its first event on, so
// that it leaves in time also when few events come.
type eventBatch struct{ m map[string]*Event }

// Event is one thing that happened.
type Event struct {
	ID     string
	Detail []byte
}

type eventDesk struct {
	mu          sync.Mutex
	serial      uint64
	open        eventBatch // the last in the outbox
	detailBytes int
}

// Emit queues an event and returns it.
func (d *eventDesk) Emit(what string) *Event {
	e := newEvent(what, d.nextSerial(), d.detailBytes)
	d.queue(e)
	return e
}

func newEvent(what string, serial uint64, detailBytes int) *Event {
	e := &Event{ID: fmt.Sprintf("event-%012d/%s", serial, what), Detail: make([]byte, detailBytes)}
	fillWith(e.Detail, serial)
	return e
}

func (d *eventDesk) nextSerial() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.serial++
	return d.serial
}

func (d *eventDesk) queue(e *Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open.m == nil || len(d.open.m) == batchEvents {
		d.begin()
	}
	d.open.m[e.ID] = inserting(e)
}

// begin queues an empty batch. No request ever waits for the sender: when the
// outbox is full, the oldest batch is lost.
func (d *eventDesk) begin() {
	if len(outbox) == cap(outbox) {
		<-outbox
	}
	d.open = eventBatch{make(map[string]*Event)}
	outbox <- d.open
}

func (d *eventDesk) waiting() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(outbox)
}

func (d *eventDesk) add(n int) { d.Emit(fmt.Sprintf("signal-%d", n)) }

func (d *eventDesk) work(key string) any {
	e := d.Emit(key)
	return map[string]any{"event": e.ID, "detail": checksum(e.Detail), "batches_waiting": d.waiting()}
}

// holding looks at every batch by taking it out and putting it back in, which
// keeps their order: nobody else sends or receives meanwhile.
func (d *eventDesk) holding() holding {
	d.mu.Lock()
	defer d.mu.Unlock()
	parts := make([]part, len(outbox))
	for i := range parts {
		batch := <-outbox
		parts[i] = part{Path: fmt.Sprintf("chan main.outbox[%d].m", i), Measure: mapsize.Map(batch.m)}
		for _, e := range batch.m {
			// The key is the same text as e.ID.
			parts[i].ValuesBytes += mapsize.New[Event]() + mapsize.String(e.ID) + mapsize.Bytes(e.Detail)
		}
		outbox <- batch
	}
	h := sumOf(parts)
	h.path, h.declared, h.typ = "chan main.outbox[*].m", batchField, reflect.TypeOf(d.open.m)
	return h
}
