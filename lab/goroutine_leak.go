package main

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

var goroutineLeak = scenario{
	sentence: "every subscriber gets a goroutine that waits on a channel for which nobody holds the other end",
	verdict:  "goroutine_leak",
	defaults: load{entries: 30_000, rate: 300, valueBytes: 1_000},
	start:    func(l load) service { return &notifier{bufferBytes: l.valueBytes} },
}

// notifier serves subscribers, each by a goroutine of its own.
type notifier struct {
	mu          sync.Mutex
	waiting     int
	bufferBytes int // of every subscription: all are alike
	delivered   atomic.Int64
}

// subscription is what a waiting goroutine keeps alive.
type subscription struct {
	owner   string
	updates chan string
	buffer  []byte
}

// Subscribe begins to wait for news. The mistake: the channel is made here and
// given to nobody who would send on it or close it.
func (n *notifier) Subscribe(owner string) *subscription {
	s := newSubscription(owner, n.bufferBytes)
	n.begin(s)
	return s
}

func newSubscription(owner string, bufferBytes int) *subscription {
	s := &subscription{
		owner:   fmt.Sprintf("subscriber:%-16s", owner),
		updates: make(chan string),
		buffer:  make([]byte, bufferBytes),
	}
	fillWith(s.buffer, hashOf(owner))
	return s
}

func (n *notifier) begin(s *subscription) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.waiting++
	go n.deliver(inserting(s))
}

// deliver waits for ever.
func (n *notifier) deliver(s *subscription) {
	for update := range s.updates {
		n.delivered.Add(int64(copy(s.buffer, update)))
	}
}

func (n *notifier) add(i int) { n.Subscribe(fmt.Sprintf("feed-%d", i)) }

func (n *notifier) work(key string) any {
	s := n.Subscribe(key)
	return map[string]any{"subscriber": s.owner, "buffer": checksum(s.buffer), "delivered": n.delivered.Load()}
}

// holding has no container to name: the goroutines are the leak. Their stacks
// are not on the heap and are not counted.
func (n *notifier) holding() holding {
	n.mu.Lock()
	defer n.mu.Unlock()
	return holding{size: mapsize.Measure{Entries: n.waiting}}
}
