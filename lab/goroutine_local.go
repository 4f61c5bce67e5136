package main

import (
	"bytes"
	"fmt"
	"reflect"
	"runtime"
	"sync/atomic"

	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

var goroutineLocal = scenario{
	sentence: "one goroutine, alive as long as the service, notes every message it has seen in a map that is its local variable",
	// One goroutine that is meant to live is no goroutine leak. Its map has
	// one inserting statement and no deleting one.
	verdict:  "map_leak",
	defaults: load{entries: 120_000, rate: 2_000, valueBytes: 1_000},
	start: func(l load) service {
		d := &inbox{arrivals: make(chan arrival), bodyBytes: l.valueBytes}
		go deduplicate(d.arrivals)
		return d
	},
}

// Message is what has arrived.
type Message struct {
	ID   string
	Body []byte
}

// arrival asks the goroutine to take in a message or, with show, to measure
// what it has.
type arrival struct {
	message *Message
	first   chan<- bool
	show    chan<- holding
}

// inbox hands messages to the goroutine that knows them all.
type inbox struct {
	arrivals  chan arrival
	serial    atomic.Uint64
	bodyBytes int
}

// deduplicate has no lock, for nobody else sees the map. For the same reason
// no agent can be told of it.
func deduplicate(arrivals <-chan arrival) {
	seen := make(map[string]*Message)
	for a := range arrivals {
		if a.show != nil {
			a.show <- measureSeen(seen)
			continue
		}
		_, known := seen[a.message.ID]
		seen[a.message.ID] = inserting(a.message)
		a.first <- !known
	}
}

// Deliver takes in a message once.
func (d *inbox) Deliver(subject string) (message *Message, first bool) {
	m := newMessage(subject, d.serial.Add(1), d.bodyBytes)
	answer := make(chan bool)
	d.arrivals <- arrival{message: m, first: answer}
	return m, <-answer
}

func newMessage(subject string, serial uint64, bodyBytes int) *Message {
	m := &Message{ID: fmt.Sprintf("message-%012d/%s", serial, subject), Body: make([]byte, bodyBytes)}
	fillWith(m.Body, serial)
	return m
}

func (d *inbox) add(n int) { d.Deliver(fmt.Sprintf("subject-%d", n)) }

func (d *inbox) work(key string) any {
	m, first := d.Deliver(key)
	return map[string]any{"message": m.ID, "first": first, "body": checksum(m.Body)}
}

func (d *inbox) holding() holding {
	answer := make(chan holding)
	d.arrivals <- arrival{show: answer}
	return <-answer
}

// measureSeen runs on the goroutine whose local the map is.
func measureSeen(seen map[string]*Message) holding {
	h := holding{
		path: "goroutine " + goroutineID() + " main.deduplicate.seen", declared: "main.deduplicate.seen",
		typ: reflect.TypeOf(seen), size: mapsize.Map(seen),
	}
	for _, m := range seen {
		// The key is the same text as m.ID.
		h.valuesBytes += mapsize.New[Message]() + mapsize.String(m.ID) + mapsize.Bytes(m.Body)
	}
	return h
}

// goroutineID is the number in the first line of a stack: "goroutine 24 [running]:".
func goroutineID() string {
	line := make([]byte, 64)
	line = line[:runtime.Stack(line, false)]
	return string(bytes.Fields(line)[1])
}
