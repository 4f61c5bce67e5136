package agent

import (
	"reflect"
	"runtime"
	"time"
)

const (
	// A chunk of a restore grows and shrinks so that its hold stays near these.
	holdTooLong  = time.Millisecond
	holdTooShort = 200 * time.Microsecond
	minChunk     = 16
	maxChunk     = 4096
)

// detachedMap is the old map of a swap.
type detachedMap[K comparable, V any, M ~map[K]V] struct {
	from    *mapTarget[K, V, M]
	entries M
	size    int
	done    merge

	// A restore in chunks remembers where it is: entries that went back must
	// not go back twice, or a key deleted by the service would rise again.
	cursor  *reflect.MapIter
	drained bool
	pending []pair[K, V]
	chunk   int
}

type pair[K comparable, V any] struct {
	key   K
	value V
}

func (d *detachedMap[K, V, M]) len() int { return d.size }

func (d *detachedMap[K, V, M]) walk() func() (key, value reflect.Value, ok bool) {
	var p pair[K, V]
	key, value := reflect.ValueOf(&p.key).Elem(), reflect.ValueOf(&p.value).Elem()
	cursor := reflect.ValueOf(d.entries).MapRange()
	return func() (reflect.Value, reflect.Value, bool) {
		if !cursor.Next() {
			return reflect.Value{}, reflect.Value{}, false
		}
		key.SetIterKey(cursor)
		value.SetIterValue(cursor)
		return key, value, true
	}
}

func (d *detachedMap[K, V, M]) restore(until time.Time) (merge, error) {
	if d.cursor == nil {
		back, err := d.swapBack()
		if back || err != nil {
			return d.done, err
		}
		d.cursor = reflect.ValueOf(d.entries).MapRange()
		d.chunk = 256
	}
	return d.done, d.insertAll(until)
}

// swapBack puts the few entries written since the detach into the old map and
// the old map back in place. It declines when the live map is not the small one.
func (d *detachedMap[K, V, M]) swapBack() (back bool, err error) {
	times, err := d.from.do(d.from.writing(), lockPatience, func() {
		live := *d.from.at
		if len(live) > len(d.entries) || len(live) > maxSwapBack {
			return
		}
		for k, v := range live {
			if _, both := d.entries[k]; both {
				d.done.keptNewer++
			}
			d.entries[k] = v
		}
		*d.from.at, back = d.entries, true
	})
	d.done.held(times.hold)
	if !back {
		return false, err
	}
	d.done.merged = d.size - d.done.keptNewer
	d.entries = nil
	return true, nil
}

// insertAll writes the old entries into the live map, a chunk a hold.
func (d *detachedMap[K, V, M]) insertAll(until time.Time) error {
	for {
		d.refill()
		if len(d.pending) == 0 {
			d.entries, d.cursor = nil, nil
			return nil
		}
		if err := d.insertChunk(); err != nil {
			return err
		}
		if time.Now().After(until) {
			return errLockTimeout
		}
		runtime.Gosched() // let those who queued behind us in first
	}
}

func (d *detachedMap[K, V, M]) refill() {
	var p pair[K, V]
	key, value := reflect.ValueOf(&p.key).Elem(), reflect.ValueOf(&p.value).Elem()
	for len(d.pending) < d.chunk && !d.drained {
		if !d.cursor.Next() {
			d.drained = true // a cursor must not be asked again
			return
		}
		key.SetIterKey(d.cursor)
		value.SetIterValue(d.cursor)
		d.pending = append(d.pending, p)
	}
}

func (d *detachedMap[K, V, M]) insertChunk() error {
	inserted := false
	times, err := d.from.do(d.from.writing(), lockPatience, func() {
		d.insertPending()
		inserted = true
	})
	if !inserted {
		return err
	}
	clear(d.pending)
	d.pending = d.pending[:0]
	d.done.held(times.hold)
	d.chunk = nextChunk(d.chunk, times.hold)
	return nil
}

// insertPending must be called with the lock held.
func (d *detachedMap[K, V, M]) insertPending() {
	if *d.from.at == nil { // the service dropped its map meanwhile
		*d.from.at = make(M)
	}
	live := *d.from.at
	for _, p := range d.pending {
		if _, newer := live[p.key]; newer {
			d.done.keptNewer++
			continue
		}
		live[p.key] = p.value
		d.done.merged++
	}
}

func nextChunk(chunk int, hold time.Duration) int {
	switch {
	case hold > holdTooLong && chunk > minChunk:
		return chunk / 2
	case hold < holdTooShort && chunk < maxChunk:
		return chunk * 2
	}
	return chunk
}
