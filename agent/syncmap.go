package agent

import (
	"reflect"
	"sync"
	"time"
)

// RegisterSyncMap makes a sync.Map known to the default registry under a name.
// It returns ErrName, ErrDuplicate or ErrNil, and changes nothing then.
func RegisterSyncMap(name string, m *sync.Map) error {
	return defaultRegistry.registerSyncMap(name, m)
}

// RegisterSyncMap makes a sync.Map known to this registry under a name.
func (r *Registry) RegisterSyncMap(name string, m *sync.Map) error {
	return r.registerSyncMap(name, m)
}

func (r *Registry) registerSyncMap(name string, m *sync.Map) error {
	if r == nil || m == nil {
		return ErrNil
	}
	return r.add(name, &syncTarget{m}, 2)
}

// syncTarget is a sync.Map. It is never replaced (that is a race) and never
// cleared (that loses what is stored meanwhile): every entry leaves it by
// LoadAndDelete, which hands over exactly what it removed.
type syncTarget struct{ m *sync.Map }

// syncMapKeepsBuckets tells the design by its layout, not by its version: up to
// Go 1.23, and later with GOEXPERIMENT=nosynchashtriemap, a sync.Map is a pair
// of Go maps whose bucket array outlives its entries.
var syncMapKeepsBuckets = func() bool {
	_, old := reflect.TypeOf(sync.Map{}).FieldByName("misses")
	return old
}()

func (t *syncTarget) kind() string { return kindSyncMap }

func (t *syncTarget) types() types {
	anything := reflect.TypeOf((*any)(nil)).Elem()
	return types{reflect.TypeOf(t.m).Elem(), anything, anything}
}

func (t *syncTarget) inbox() inbox { return &detachedSync{from: t.m} }

// look counts by walking: a sync.Map has no length.
func (t *syncTarget) look(patience time.Duration) (view, error) {
	var seen view
	var err error
	started := time.Now()
	t.m.Range(func(_, _ any) bool {
		seen.entries++
		if seen.entries%1024 == 0 && time.Since(started) > patience {
			err = errTooSlow
		}
		return err == nil
	})
	return seen, err
}

func (t *syncTarget) measure(patience time.Duration) (view, lockTimes, error) {
	seen, err := t.look(patience)
	return seen, lockTimes{}, err
}

func (t *syncTarget) detach(what task, _ time.Duration) (taken, error) {
	if can := supports(situation{kind: kindSyncMap, oldSyncMap: syncMapKeepsBuckets}, what); !can.Supported {
		return taken{}, notSupported(can.Why)
	}
	d := &detachedSync{from: t.m}
	if what.matcher != nil {
		return t.evict(what, d), nil
	}
	out := taken{entries: d}
	t.m.Range(func(key, _ any) bool {
		out.scanned++
		if value, mine := t.m.LoadAndDelete(key); mine {
			d.add(key, value)
		}
		if out.scanned%1024 == 0 && what.stopped() {
			out.partial = errStopped
		}
		return out.partial == nil
	})
	t.promote()
	return out, nil
}

// promote removes nothing. In the old design beginning a Range promotes the
// dirty map, and with that the old bucket array can be freed if the service
// has stored a new key since. What it stored stays.
func (t *syncTarget) promote() { t.m.Range(func(_, _ any) bool { return false }) }

// syncBlock is the number of entries in a block of the side store: a store of
// blocks never copies itself in order to grow.
const syncBlock = 1024

type syncPair struct{ key, value any }

// detachedSync is the side store of a drained sync.Map.
type detachedSync struct {
	mortal
	from   *sync.Map
	blocks [][]syncPair
	size   int
	done   merge
	next   syncPair // what slot lends out
}

func (d *detachedSync) add(key, value any) {
	last := len(d.blocks) - 1
	if last < 0 || len(d.blocks[last]) == syncBlock {
		d.blocks = append(d.blocks, make([]syncPair, 0, syncBlock))
		last++
	}
	d.blocks[last] = append(d.blocks[last], syncPair{key, value})
	d.size++
}

func (d *detachedSync) slot() (key, value reflect.Value) {
	d.next = syncPair{}
	return reflect.ValueOf(&d.next.key).Elem(), reflect.ValueOf(&d.next.value).Elem()
}

func (d *detachedSync) keep() { d.add(d.next.key, d.next.value) }

func (d *detachedSync) len() int { return d.size }

func (d *detachedSync) walk() func() (key, value reflect.Value, ok bool) {
	var p syncPair
	key, value := reflect.ValueOf(&p.key).Elem(), reflect.ValueOf(&p.value).Elem()
	next := 0
	return func() (reflect.Value, reflect.Value, bool) {
		if next >= d.size {
			return reflect.Value{}, reflect.Value{}, false
		}
		p = d.blocks[next/syncBlock][next%syncBlock]
		next++
		return key, value, true
	}
}

// restore takes no lock of ours, so it cannot fail and needs no deadline. It
// goes backwards: should a key have been drained twice, the later value wins.
func (d *detachedSync) restore(time.Time) (merge, error) {
	for i := len(d.blocks) - 1; i >= 0; i-- {
		for j := len(d.blocks[i]) - 1; j >= 0; j-- {
			p := d.blocks[i][j]
			if _, newer := d.from.LoadOrStore(p.key, p.value); newer {
				d.done.keptNewer++
			} else {
				d.done.merged++
			}
		}
		d.blocks[i] = nil
	}
	d.blocks = nil
	return d.done, nil
}
