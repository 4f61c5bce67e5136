package agent

import (
	"errors"
	"reflect"
	"runtime"
	"runtime/debug"
	"time"
)

const (
	// takePatience bounds the whole of a delete or an evict, countPatience a dry run.
	takePatience  = 60 * time.Second
	countPatience = 5 * time.Second
	// stepsPerLook is how many entries a scan visits between two looks at the clock.
	stepsPerLook = 32
)

var (
	errReplaced  = errors.New("the service put another map in its place meanwhile; what was not visited yet is not touched")
	errStopped   = errors.New("an undo was asked for during the walk; what was not visited yet is not touched")
	errScanLimit = errors.New("the walk took longer than its bound; what was not visited yet is not touched")
)

// scan walks the live map a chunk a hold. The language allows entries to come
// and go between two steps of an iteration, as long as no two goroutines are in
// the map at once, and every step is inside the lock.
type scan struct {
	of      *mapTarget
	door    door
	cursor  *reflect.MapIter
	over    uintptr // the map that the cursor walks, which the cursor keeps alive
	chunk   int
	every   int // entries between two looks at the clock
	scanned int
	times   lockTimes
	stopped func() bool
}

func (t *mapTarget) scan(d door, what task) *scan {
	s := &scan{of: t, door: d, chunk: firstChunk, every: stepsPerLook, stopped: what.stopped}
	if what.matcher != nil && what.matcher.slow {
		s.every = 1
	}
	return s
}

// run visits every entry. Before each hold it calls prepare, outside the lock.
func (s *scan) run(limit time.Duration, prepare func(most int), visit func(*reflect.MapIter)) error {
	for until := time.Now().Add(limit); ; {
		prepare(s.chunk)
		ran, ended := false, false
		var why error
		times, err := s.of.do(s.door, lockPatience, func() {
			ran = true
			ended, why = s.some(visit)
		})
		s.times.wait += times.wait
		s.times.hold = max(s.times.hold, times.hold)
		switch {
		case err != nil && !ran:
			return err
		case ended, why != nil:
			return why
		case err != nil:
			return err
		case s.stopped():
			return errStopped
		case time.Now().After(until):
			return errScanLimit
		}
		s.chunk = nextChunk(s.chunk, times.hold)
		runtime.Gosched() // let those who queued behind us in first
	}
}

// some visits one chunk. It must be called with the lock held.
func (s *scan) some(visit func(*reflect.MapIter)) (ended bool, err error) {
	// Reading what a value points to may fault when the service changes it
	// under another lock; a fault becomes a panic that the matcher catches.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	if err := s.follow(); err != nil {
		return true, err
	}
	started := time.Now()
	for i := 1; i <= s.chunk; i++ {
		if !s.cursor.Next() {
			return true, nil
		}
		s.scanned++
		visit(s.cursor)
		if i%s.every == 0 && time.Since(started) > holdTooLong {
			return false, nil
		}
	}
	return false, nil
}

// follow begins the walk, or makes sure that it still walks the live map.
func (s *scan) follow() error {
	live := s.of.now()
	switch {
	case s.cursor == nil && live.IsNil():
		return errNilMap
	case s.cursor == nil:
		s.cursor, s.over = live.MapRange(), live.Pointer()
	case live.Pointer() != s.over:
		return errReplaced
	}
	return nil
}

// take moves the entries that fit into a store of their own, in chunks.
func (t *mapTarget) take(what task) (taken, error) {
	held, skipped := newHeld(t), 0
	s := t.scan(t.writing(), what)
	err := s.run(takePatience, held.reserve, func(cursor *reflect.MapIter) {
		into := held.next()
		key, value := into.put(cursor)
		if !what.fits(key, value) {
			return
		}
		live := t.now()
		before := live.Len()
		live.SetMapIndex(key, reflect.Value{})
		if live.Len() == before { // NaN cannot be deleted: to keep it as well would double it
			skipped++
			return
		}
		held.keep()
	})
	held.tidy()
	if untouched := held.size == 0; untouched && err != nil && err != errReplaced && err != errScanLimit && err != errStopped {
		return taken{}, err
	}
	return taken{entries: held, times: s.times, scanned: s.scanned, skipped: skipped, partial: err}, nil
}

func (t *mapTarget) count(what task) (matches, error) {
	of := t.types()
	key, value := reflect.New(of.key).Elem(), reflect.New(of.value).Elem()
	found, started := 0, time.Now()
	s := t.scan(t.reading(), what)
	err := s.run(countPatience, func(int) {}, func(cursor *reflect.MapIter) {
		key.SetIterKey(cursor)
		value.SetIterValue(cursor)
		if what.fits(key, value) {
			found++
		}
	})
	if s.scanned == 0 && err != nil {
		return matches{}, err
	}
	return matches{scanned: s.scanned, matched: found, times: s.times, took: time.Since(started), partial: err}, nil
}
