package agent

import (
	"fmt"
	"reflect"
	"time"
)

const (
	// What one entry is reckoned with under the lock. Measured with 1,000,000
	// string keys: 210 to 280 ns for a shrink (550 to 600 for a map that was found
	// by RegisterFields), 60 to 75 ns for a clear.
	shrinkCost = 300 * time.Nanosecond
	clearCost  = 100 * time.Nanosecond
	// defaultLockHold bounds the hold of clear and shrink, which cannot work in
	// chunks; a caller may allow up to longestLockHold.
	defaultLockHold = 25 * time.Millisecond
	longestLockHold = time.Second
)

// tooLarge says that a copy under the lock would hold it, or has held it, too long.
type tooLarge struct {
	entries int
	about   time.Duration // what it was reckoned with
	allowed time.Duration
	stopped int // entries copied when the clock stopped the copy; 0 when it never began
}

func (e tooLarge) Error() string {
	if e.stopped > 0 {
		return fmt.Sprintf("copying under the lock was given up after %d of %d entries, when %v were over; nothing was changed",
			e.stopped, e.entries, e.allowed)
	}
	return fmt.Sprintf("copying %d entries would hold the lock for about %v, more than the %v allowed (max_lock_hold_ms)",
		e.entries, forPeople(e.about), e.allowed)
}

// forPeople rounds a reckoned time to what it is worth.
func forPeople(d time.Duration) time.Duration {
	if d >= 10*time.Millisecond {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}

// holdEstimate is how long a copy of that many entries is reckoned to hold the lock.
func holdEstimate(strategy string, entries int) time.Duration {
	cost := shrinkCost
	if strategy == strategyClear {
		cost = clearCost
	}
	return (time.Duration(entries) * cost).Round(time.Microsecond)
}

// overlong is the error for a copy that is reckoned to take too long, or nil.
func overlong(what task, entries int) error {
	if about := holdEstimate(what.strategy, entries); about > what.maxHold {
		return tooLarge{entries: entries, about: about, allowed: what.maxHold}
	}
	return nil
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
	var old reflect.Value
	var late error
	times, err := t.do(t.writing(), patience, func() {
		live := t.now()
		if late = t.copied(live, what.maxHold, func(more func(int) bool) int {
			copied, _ := t.pour(fresh, live, more)
			return copied
		}); late == nil {
			old = live
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
		live := t.now()
		if late = t.copied(live, what.maxHold, func(more func(int) bool) int {
			return held.fill(live, more)
		}); late == nil {
			live.Clear()
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
	var seen view
	_, err := t.do(t.writing(), patience, func() { seen = t.see() })
	switch {
	case err != nil:
		return seen, err
	case seen.isNil:
		return seen, errNilMap
	}
	return seen, overlong(what, seen.entries)
}

// copied runs a copy of the live map with a clock beside it, and says whether
// all of it was copied. It must be called with the lock held.
func (t *mapTarget) copied(live reflect.Value, limit time.Duration, run func(more func(int) bool) int) error {
	if live.IsNil() {
		return errNilMap
	}
	if n := run(within(limit)); n < live.Len() {
		return tooLarge{entries: live.Len(), allowed: limit, stopped: max(1, n)}
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
