package main

// writer alone writes and deletes the keys n, n+step, n+2*step, ..., and so
// knows what must be in the map, and what must not.
type writer[K comparable, V any] struct {
	traffic *traffic[K, V]
	first   uint64
	step    uint64
	// One write in so many is a delete.
	deletes uint64
	serial  uint64
	known   []known
	filled  uint64
}

// known is what a writer did to a key: the number of the write, 0 where it
// deleted it, and the generation it was done in.
type known struct{ write, generation uint64 }

const (
	writerDeletes  = 16
	deleterDeletes = 2
)

func newWriter[K comparable, V any](t *traffic[K, V], n, count int, isDeleter bool) *writer[K, V] {
	w := &writer[K, V]{traffic: t, first: uint64(n), step: uint64(count), deletes: writerDeletes}
	if isDeleter {
		w.deletes = deleterDeletes
	}
	w.known = make([]known, (t.config.entries-n+count-1)/count)
	return w
}

func (w *writer[K, V]) key(n int) K { return w.traffic.codec.key(w.first + uint64(n)*w.step) }

func (w *writer[K, V]) fill() {
	for n := range w.known {
		w.put(n)
	}
}

func (w *writer[K, V]) run() {
	for {
		if w.traffic.fills.Load() != w.filled {
			w.filled++
			w.fill()
			w.traffic.filling.Done()
			continue
		}
		w.serial++
		dice := mixed(w.serial<<16 | w.first)
		n := int(dice >> 8 % uint64(len(w.known)))
		w.verify(n)
		if dice%w.deletes == 0 {
			w.drop(n)
		} else {
			w.put(n)
		}
		w.traffic.writes.Add(1)
		w.traffic.rest()
	}
}

func (w *writer[K, V]) put(n int) {
	k := w.key(n)
	w.serial++
	w.known[n] = known{w.serial, generation.Load()}
	w.traffic.place(k).put(k, w.traffic.codec.value(sum(k), w.serial, w.traffic.config.valueBytes))
}

func (w *writer[K, V]) drop(n int) {
	k := w.key(n)
	w.known[n] = known{0, generation.Load()}
	w.traffic.place(k).drop(k)
}

// verify holds the map against what this writer did to the key last.
func (w *writer[K, V]) verify(n int) {
	k, last := w.key(n), w.known[n]
	v, there := w.traffic.place(k).get(k)
	// Asked after the look: no fix has begun between the write and the look
	// if the generation is still the same, and even.
	undisturbed := last.generation == generation.Load() && !isFix(last.generation)
	switch {
	case there && last.write == 0:
		faults.undead.Add(1)
	case there:
		w.traffic.see(k, v)
		if _, write := w.traffic.codec.read(v); write != last.write {
			faults.wrong.Add(1)
		}
	case last.write != 0 && undisturbed:
		faults.lost.Add(1)
	}
}
