package agent

import (
	"fmt"
	"reflect"
	"time"
)

const (
	// copyCost is what copying one entry under the lock is reckoned with
	// (measured: 540 ns for 150,000 string keys on a machine under load).
	copyCost = 500 * time.Nanosecond
	// defaultLockHold bounds the hold of clear and shrink, which cannot work in
	// chunks; a caller may allow up to longestLockHold.
	defaultLockHold = 25 * time.Millisecond
	longestLockHold = time.Second
	// clockEvery is how many entries are copied between two looks at the clock.
	clockEvery = 128
)

// tooLarge says that a copy under the lock would hold it, or has held it, too long.
type tooLarge struct {
	entries int
	allowed time.Duration
	stopped int // entries copied when the clock stopped the copy; 0 when it never began
}

func (e tooLarge) Error() string {
	if e.stopped > 0 {
		return fmt.Sprintf("copying under the lock was given up after %d of %d entries, when %v were over; nothing was changed",
			e.stopped, e.entries, e.allowed)
	}
	return fmt.Sprintf("copying %d entries would hold the lock for about %v, more than the %v allowed (max_lock_hold_ms)",
		e.entries, holdEstimate(e.entries), e.allowed)
}

// holdEstimate is how long a copy of that many entries is reckoned to hold the lock.
func holdEstimate(entries int) time.Duration {
	return (time.Duration(entries) * copyCost).Round(time.Microsecond)
}

// shrink puts a new map with the same entries in place of the old one.
//
// Readers would miss entries if the new map took its place before all of them
// are in it, and a write to the old map leaves no trace that a second pass
// could find. So the whole copy is one hold of the lock, watched by the clock.
func (t *mapTarget) shrink(what task, patience time.Duration) (taken, error) {
	seen, err := t.roomFor(what, patience)
	if err != nil {
		return taken{}, err
	}
	fresh := reflect.MakeMapWithSize(t.at.Type(), seen.entries)
	of := t.types()
	key, value := reflect.New(of.key).Elem(), reflect.New(of.value).Elem()
	var old reflect.Value
	var late error
	times, err := t.do(t.writing(), patience, func() {
		late = t.copyWithin(what.maxHold, func(cursor *reflect.MapIter) {
			key.SetIterKey(cursor)
			value.SetIterValue(cursor)
			fresh.SetMapIndex(key, value)
		})
		if late == nil {
			old = t.now()
			t.at.Set(fresh)
		}
	})
	if old.IsValid() {
		return taken{entries: &husk{old: old}, times: times, scanned: old.Len(), kept: old.Len()}, nil
	}
	if err == nil {
		err = late
	}
	return taken{}, err
}

// clear copies every entry out and wipes the map, in one hold: readers see all
// of them or none. Go's clear keeps the bucket arrays, and wipes them whole.
func (t *mapTarget) clear(what task, patience time.Duration) (taken, error) {
	seen, err := t.roomFor(what, patience)
	if err != nil {
		return taken{}, err
	}
	held := newHeld(t)
	held.reserve(seen.entries)
	wiped := false
	var late error
	times, err := t.do(t.writing(), patience, func() {
		late = t.copyWithin(what.maxHold, func(cursor *reflect.MapIter) {
			into := held.next()
			into.put(cursor)
			held.keep(into)
		})
		if late == nil {
			t.now().Clear()
			wiped = true
		}
	})
	if wiped {
		held.tidy()
		return taken{entries: held, times: times, scanned: held.size}, nil
	}
	if err == nil {
		err = late
	}
	return taken{}, err
}

// roomFor refuses a map that is nil, or whose copy is reckoned to take too long.
func (t *mapTarget) roomFor(what task, patience time.Duration) (view, error) {
	seen, _, err := t.measure(patience)
	switch {
	case err != nil:
		return seen, err
	case seen.isNil:
		return seen, errNilMap
	case holdEstimate(seen.entries) > what.maxHold:
		return seen, tooLarge{entries: seen.entries, allowed: what.maxHold}
	}
	return seen, nil
}

// copyWithin calls copy for each entry of the live map until the clock says no.
// It must be called with the lock held.
func (t *mapTarget) copyWithin(limit time.Duration, copy func(*reflect.MapIter)) error {
	if t.at.IsNil() {
		return errNilMap
	}
	live, started := t.now(), time.Now()
	copied := 0
	for cursor := live.MapRange(); cursor.Next(); copied++ {
		if copied%clockEvery == 0 && time.Since(started) > limit {
			return tooLarge{entries: live.Len(), allowed: limit, stopped: copied}
		}
		copy(cursor)
	}
	return nil
}

// husk is the old map of a shrink. Every entry is in the new one, so there is
// nothing to stream and nothing to give back; the husk dies with the operation.
type husk struct {
	mortal
	old reflect.Value
}

func (h *husk) len() int { return 0 }

func (h *husk) walk() func() (key, value reflect.Value, ok bool) {
	return func() (reflect.Value, reflect.Value, bool) { return reflect.Value{}, reflect.Value{}, false }
}

func (h *husk) restore(time.Time) (merge, error) {
	h.old = reflect.Value{}
	return merge{}, nil
}
