package agent

import (
	"fmt"
	"math/rand"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// mark is a value that says which key it belongs to and how new it is.
type mark struct {
	Key string
	Seq int
}

// box is a container of the service under test, reached as the service does.
type box interface {
	store(k string, v mark)
	load(k string) (mark, bool)
	remove(k string)
	all() map[string]mark
}

type plainBox struct {
	mu sync.RWMutex
	m  map[string]mark
}

func (b *plainBox) store(k string, v mark) {
	b.mu.Lock()
	b.m[k] = v
	b.mu.Unlock()
}

func (b *plainBox) load(k string) (mark, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	v, there := b.m[k]
	return v, there
}

func (b *plainBox) remove(k string) {
	b.mu.Lock()
	delete(b.m, k)
	b.mu.Unlock()
}

func (b *plainBox) all() map[string]mark { return b.m }

// syncBox keeps stamps, or slices of one mark: values that cannot be compared.
type syncBox struct {
	m      sync.Map
	sliced bool
}

func (b *syncBox) store(k string, v mark) {
	if b.sliced {
		b.m.Store(k, []mark{v})
	} else {
		b.m.Store(k, v)
	}
}

func (b *syncBox) load(k string) (mark, bool) {
	v, there := b.m.Load(k)
	return unwrapped(v), there
}

func unwrapped(v any) mark {
	switch v := v.(type) {
	case mark:
		return v
	case []mark:
		return v[0]
	}
	return mark{}
}

func (b *syncBox) remove(k string) { b.m.Delete(k) }

func (b *syncBox) all() map[string]mark {
	out := map[string]mark{}
	b.m.Range(func(k, v any) bool {
		out[k.(string)] = unwrapped(v)
		return true
	})
	return out
}

// crowd are readers and writers that never stop. Each writer has keys of its
// own and knows for each what it last did and when.
type crowd struct {
	box     box
	phase   atomic.Int32 // odd while an operation is under way
	quit    chan struct{}
	running sync.WaitGroup
	writers []*writer
	stable  int

	complaint atomic.Pointer[string]
	missed    atomic.Int64 // a stable key that a reader did not find
}

type writer struct {
	id   int
	seq  atomic.Int64
	last map[string]deed
}

// deed is the last thing done to a key. What was stored from floor on may rise
// again when it was deleted while an operation was under way.
type deed struct {
	seq, floor int
	deleted    bool
	sure       bool // no operation was under way
}

const (
	crowdWriters = 3
	crowdKeys    = 80 // a writer
)

func stableKey(i int) string { return fmt.Sprintf("key-%d-stable", i) }

// gather fills a box and sets readers and writers on it.
func gather(b box, stable int) *crowd {
	c := &crowd{box: b, quit: make(chan struct{}), stable: stable}
	for i := 0; i < stable; i++ {
		b.store(stableKey(i), mark{stableKey(i), i})
	}
	for id := 0; id < crowdWriters; id++ {
		w := &writer{id: id, last: map[string]deed{}}
		c.writers = append(c.writers, w)
		c.running.Add(2)
		go c.write(w)
		go c.read(w)
	}
	return c
}

func (c *crowd) gone() bool {
	select {
	case <-c.quit:
		return true
	default:
		return false
	}
}

func (w *writer) key(random *rand.Rand) string {
	return fmt.Sprintf("key-%d-of-%d", random.Intn(crowdKeys), w.id)
}

func (c *crowd) write(w *writer) {
	defer c.running.Done()
	checked := int32(0)
	for random := rand.New(rand.NewSource(int64(w.id))); !c.gone(); time.Sleep(time.Microsecond) {
		k := w.key(random)
		before, was := c.phase.Load(), w.last[k]
		if before%2 == 0 && before != checked && c.check(w, before) {
			checked = before
		}
		if random.Intn(4) > 0 {
			was.seq, was.deleted = int(w.seq.Add(1)), false
			c.box.store(k, mark{k, was.seq})
		} else {
			c.box.remove(k)
			was.deleted = true
		}
		was.sure = before%2 == 0 && c.phase.Load() == before
		if was.sure && was.deleted {
			was.floor = was.seq + 1 // nothing of it may rise again
		} else if was.sure {
			was.floor = was.seq
		}
		w.last[k] = was
	}
}

// check compares every key of a writer after an operation, before later writes
// hide what it did. It says whether no other operation came in between.
func (c *crowd) check(w *writer, phase int32) bool {
	for k, did := range w.last {
		v, there := c.box.load(k)
		if c.phase.Load() != phase {
			return false
		}
		if complaint := did.compare(v, there); complaint != "" {
			c.complain("%s after %d operations: %s: %+v, found %v", k, phase/2, complaint, did, v)
		}
	}
	return true
}

func (c *crowd) complain(format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	c.complaint.Store(&what)
}

func (c *crowd) read(w *writer) {
	defer c.running.Done()
	for random := rand.New(rand.NewSource(int64(-w.id))); !c.gone(); time.Sleep(time.Microsecond) {
		k := w.key(random)
		v, there := c.box.load(k)
		if there && (v.Key != k || v.Seq < 1 || v.Seq > int(w.seq.Load())) {
			c.complain("%s holds %v, which nobody stored", k, v)
		}
		if c.stable > 0 {
			if _, there := c.box.load(stableKey(random.Intn(c.stable))); !there {
				c.missed.Add(1)
			}
		}
	}
}

// disperse ends the crowd and compares the box with what everybody did.
func (c *crowd) disperse(t *testing.T) {
	t.Helper()
	close(c.quit)
	c.running.Wait()
	if what := c.complaint.Load(); what != nil {
		t.Error(*what)
	}
	left := c.box.all()
	found := 0
	for i := 0; i < c.stable; i++ {
		if v, there := left[stableKey(i)]; !there || v != (mark{stableKey(i), i}) {
			t.Fatalf("%s is lost or changed: %v %v", stableKey(i), v, there)
		}
		found++
	}
	for _, w := range c.writers {
		for k, did := range w.last {
			v, there := left[k]
			if there {
				found++
			}
			if complaint := did.compare(v, there); complaint != "" {
				t.Fatalf("%s: %s: %+v, found %v", k, complaint, did, v)
			}
		}
	}
	if found != len(left) {
		t.Errorf("%d entries that nobody stored", len(left)-found)
	}
}

func (d deed) compare(v mark, there bool) string {
	switch {
	case !d.deleted && !there:
		return "an acknowledged write is lost"
	case !d.deleted && v.Seq != d.seq:
		return "not the last value written"
	case d.deleted && there && (d.sure || v.Seq < d.floor || v.Seq > d.seq):
		return "risen again"
	}
	return ""
}
