package agent

import (
	"reflect"
	"runtime"
	"time"
)

const (
	// A chunk of entries grows and shrinks so that its hold stays near these.
	holdTooLong  = time.Millisecond
	holdTooShort = 200 * time.Microsecond
	minChunk     = 16
	maxChunk     = 4096
	firstChunk   = 256
)

// detachedMap is the old map of a swap.
type detachedMap struct {
	mortal
	giveBack
	entries reflect.Value
	size    int
	cursor  *reflect.MapIter // set when the restore goes chunk by chunk
	drained bool
}

func (d *detachedMap) len() int { return d.size }

func (d *detachedMap) walk() func() (key, value reflect.Value, ok bool) {
	t := d.to.types()
	key, value := reflect.New(t.key).Elem(), reflect.New(t.value).Elem()
	cursor := d.entries.MapRange()
	return func() (reflect.Value, reflect.Value, bool) {
		if !cursor.Next() {
			return reflect.Value{}, reflect.Value{}, false
		}
		key.SetIterKey(cursor)
		value.SetIterValue(cursor)
		return key, value, true
	}
}

func (d *detachedMap) restore(until time.Time) (merge, error) {
	if d.cursor == nil {
		back, err := d.swapBack()
		if back || err != nil {
			return d.done, err
		}
		d.cursor = d.entries.MapRange()
	}
	err := d.insertAll(until, d.refill)
	if err == nil {
		d.entries, d.cursor = reflect.Value{}, nil
	}
	return d.done, err
}

// swapBack puts the few entries written since the detach into the old map and
// the old map back in place. It declines when the live map is not the small one.
func (d *detachedMap) swapBack() (back bool, err error) {
	times, err := d.to.do(d.to.writing(), lockPatience, func() {
		live := d.to.now()
		if live.Len() > d.entries.Len() || live.Len() > maxSwapBack {
			return
		}
		_, d.done.keptNewer = d.to.pour(d.entries, live, always)
		d.to.at.Set(d.entries)
		back = true
	})
	d.done.held(times.hold)
	if !back {
		return false, err
	}
	d.done.merged = d.size - d.done.keptNewer
	d.entries = reflect.Value{}
	return true, nil
}

// refill takes the next entries of the old map; nobody else has that map now.
func (d *detachedMap) refill(into *run, most int) {
	for into.n < most && !d.drained {
		if !d.cursor.Next() {
			d.drained = true // a cursor must not be asked again
			return
		}
		into.add(d.cursor)
	}
}

// giveBack inserts entries into the live map, a chunk a hold. It remembers
// where it is: entries that went back must not go back twice, or a key deleted
// by the service would rise again.
type giveBack struct {
	to      *mapTarget
	pending run
	chunk   int
	done    merge
}

// insertAll asks for one run of entries after another until there is none.
func (g *giveBack) insertAll(until time.Time, refill func(into *run, most int)) error {
	if g.chunk == 0 {
		of := g.to.types()
		g.chunk, g.pending = firstChunk, newRun(of, min(maxChunk, runRoom(of)))
	}
	for {
		refill(&g.pending, min(g.chunk, g.pending.keys.Len()))
		if g.pending.n == 0 {
			g.pending = run{}
			return nil
		}
		if err := g.insertChunk(); err != nil {
			return err
		}
		if time.Now().After(until) {
			return errLockTimeout
		}
		runtime.Gosched() // let those who queued behind us in first
	}
}

func (g *giveBack) insertChunk() error {
	inserted := false
	times, err := g.to.do(g.to.writing(), lockPatience, func() {
		g.insertPending()
		inserted = true
	})
	if !inserted {
		return err
	}
	g.pending.clear()
	g.done.held(times.hold)
	g.chunk = nextChunk(g.chunk, times.hold)
	return nil
}

// insertPending must be called with the lock held.
func (g *giveBack) insertPending() {
	if g.to.at.IsNil() { // the service dropped its map meanwhile
		g.to.at.Set(reflect.MakeMap(g.to.at.Type()))
	}
	live := g.to.now()
	for i := 0; i < g.pending.n; i++ {
		key := g.pending.keys.Index(i)
		if live.MapIndex(key).IsValid() {
			g.done.keptNewer++
			continue
		}
		live.SetMapIndex(key, g.pending.values.Index(i))
		g.done.merged++
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
