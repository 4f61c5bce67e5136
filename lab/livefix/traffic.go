package main

import (
	"sync"
	"sync/atomic"
	"time"
)

// traffic is what goes on around the maps of one kind, from begin on.
type traffic[K comparable, V any] struct {
	config config
	codec  codec[K, V]
	places []place[K, V]
	// fills counts how often everything was to be written anew.
	fills   atomic.Uint64
	filling sync.WaitGroup
	writers []*writer[K, V]
	reads, writes, walked, walking,
	held, lifetime atomic.Int64
}

func newTraffic[K comparable, V any](c config, codec codec[K, V], places ...place[K, V]) target {
	return &traffic[K, V]{config: c, codec: codec, places: places}
}

// Keys from here on are for exercises alone.
const exerciseKeys = 1 << 60

func (t *traffic[K, V]) begin() {
	count := t.config.writers + t.config.deleters
	for n := 0; n < count; n++ {
		t.writers = append(t.writers, newWriter(t, n, count, n >= t.config.writers))
	}
	for _, w := range t.writers {
		w.fill()
	}
	if !t.config.idle {
		t.work()
	}
}

func (t *traffic[K, V]) work() {
	for _, w := range t.writers {
		go w.run()
	}
	for n := 0; n < t.config.readers; n++ {
		go t.read(uint64(n))
	}
	if t.config.checkEvery > 0 {
		go t.check()
	}
	for n := 0; n < t.config.iterators; n++ {
		go t.walk(n)
	}
	if t.config.heldShare > 0 && t.places[0].located().LockKind != selfGuarded {
		for _, p := range t.places {
			go t.hold(p)
		}
	}
}

func (t *traffic[K, V]) place(k K) place[K, V] {
	return t.places[sum(k)%uint64(len(t.places))]
}

func (t *traffic[K, V]) isRight(k K, v V) bool {
	found, _ := t.codec.read(v)
	return found == sum(k)
}

func (t *traffic[K, V]) see(k K, v V) {
	if !t.isRight(k, v) {
		faults.wrong.Add(1)
	}
}

// read looks up keys of everybody, also such as are deleted.
func (t *traffic[K, V]) read(seed uint64) {
	for n := seed; ; n++ {
		k := t.codec.key(mixed(n<<8|seed) % uint64(t.config.entries))
		throughC(func() {
			if v, ok := t.place(k).get(k); ok {
				t.see(k, v)
			}
		})
		t.reads.Add(1)
		t.rest()
	}
}

func (t *traffic[K, V]) check() {
	for {
		for _, p := range t.places {
			p.all(func(k K, v V) bool { t.see(k, v); return true })
		}
		time.Sleep(t.config.checkEvery)
	}
}

// walk keeps an iterator alive for as long as there are entries.
func (t *traffic[K, V]) walk(n int) {
	for {
		t.walking.Add(1)
		t.places[n%len(t.places)].walk(t.config.walking, func(k K, v V, here bool) bool {
			t.see(k, v)
			if !here {
				faults.ghosts.Add(1)
			}
			t.walked.Add(1)
			time.Sleep(t.config.walkEvery)
			return true
		})
		t.walking.Add(-1)
		time.Sleep(t.config.walkRest)
	}
}

// hold keeps the lock for the share of time that was asked for, and makes up
// for what it had too much or too little.
func (t *traffic[K, V]) hold(p place[K, V]) {
	share := t.config.heldShare / 100
	var held, free time.Duration
	for {
		begun := time.Now()
		p.hold(func() {
			had := time.Now()
			free += had.Sub(begun)
			if t.config.holdAsleep {
				time.Sleep(t.config.holdFor)
			} else {
				spin(t.config.holdFor)
			}
			held += time.Since(had)
		})
		if due := time.Duration(float64(held)*(1-share)/share) - free; due > 0 {
			begun = time.Now()
			pause(due)
			free += time.Since(begun)
		}
		t.held.Store(int64(held))
		t.lifetime.Store(int64(held + free))
	}
}

func (t *traffic[K, V]) rest() {
	if t.config.rate > 0 {
		time.Sleep(time.Duration(float64(time.Second) / t.config.rate))
	}
}

func (t *traffic[K, V]) refill() {
	t.filling.Add(len(t.writers))
	t.fills.Add(1)
	t.filling.Wait()
}

func (t *traffic[K, V]) exercise() []string {
	now := generation.Load()
	if isFix(now) || !generation.CompareAndSwap(now, now+1) {
		return []string{"not done: a fix is under way"}
	}
	defer generation.Add(1)
	said := []string{}
	for _, p := range t.places {
		keys := make([]K, 100)
		for n := range keys {
			keys[n] = t.codec.key(exerciseKeys + uint64(n))
		}
		value := func(k K) V { return t.codec.value(sum(k), 0, t.config.valueBytes) }
		same := func(a, b V) bool {
			sumA, writeA := t.codec.read(a)
			sumB, writeB := t.codec.read(b)
			return sumA == sumB && writeA == writeB
		}
		said = append(said, p.exercise(keys, value, same)...)
	}
	return said
}
