package agent

import (
	"reflect"
	"time"
)

// heldEntries are entries that were taken out of a map one by one.
type heldEntries struct {
	mortal
	giveBack
	runs    []run
	filling int // the run that is being filled
	size    int
}

func newHeld(from *mapTarget) *heldEntries { return &heldEntries{giveBack: giveBack{to: from}} }

// reserve makes room for so many more entries, before the lock is taken.
func (h *heldEntries) reserve(entries int) {
	of := h.to.types()
	room := 0
	for i := h.filling; i < len(h.runs); i++ {
		room += h.runs[i].room()
	}
	for most := runRoom(of); room < entries; {
		// Ever larger, so that a few entries cost little and many cost few runs.
		each := min(most, max(entries-room, h.size/2))
		h.runs = append(h.runs, newRun(of, each))
		room += each
	}
}

// next is the run that the next entry goes into.
func (h *heldEntries) next() *run {
	if h.filling < len(h.runs) && h.runs[h.filling].room() == 0 {
		h.filling++
	}
	if h.filling == len(h.runs) {
		h.reserve(1)
	}
	return &h.runs[h.filling]
}

// keep holds on to the entry that was put into the next run.
func (h *heldEntries) keep() {
	h.runs[h.filling].n++
	h.size++
}

func (h *heldEntries) slot() (key, value reflect.Value) {
	r := h.next()
	return r.keys.Index(r.n), r.values.Index(r.n)
}

// fill keeps every entry of a map until more says no.
func (h *heldEntries) fill(from reflect.Value, more func(int) bool) int {
	for cursor := from.MapRange(); cursor.Next(); {
		if h.size%clockEvery == 0 && !more(h.size) {
			break
		}
		into := h.next()
		into.put(cursor)
		h.keep()
	}
	return h.size
}

// tidy lets go of rooms without entries, and of an entry that was put and not kept.
func (h *heldEntries) tidy() {
	for len(h.runs) > 0 && h.runs[len(h.runs)-1].n == 0 {
		h.runs = h.runs[:len(h.runs)-1]
	}
	if last := len(h.runs) - 1; last >= 0 && h.runs[last].room() > 0 {
		r := &h.runs[last]
		r.keys.Index(r.n).SetZero()
		r.values.Index(r.n).SetZero()
	}
}

func (h *heldEntries) len() int { return h.size }

func (h *heldEntries) walk() func() (key, value reflect.Value, ok bool) {
	at, i := 0, 0
	return func() (reflect.Value, reflect.Value, bool) {
		for at < len(h.runs) && i == h.runs[at].n {
			at, i = at+1, 0
		}
		if at >= len(h.runs) {
			return reflect.Value{}, reflect.Value{}, false
		}
		i++
		return h.runs[at].keys.Index(i - 1), h.runs[at].values.Index(i - 1), true
	}
}

// restore goes backwards: should a key have been taken out twice, its later value wins.
func (h *heldEntries) restore(until time.Time) (merge, error) {
	err := h.insertAll(until, h.refill)
	return h.done, err
}

func (h *heldEntries) refill(into *run, most int) {
	for into.n < most && len(h.runs) > 0 {
		last := &h.runs[len(h.runs)-1]
		if last.n == 0 {
			h.runs[len(h.runs)-1] = run{}
			h.runs = h.runs[:len(h.runs)-1]
			continue
		}
		last.n--
		into.keys.Index(into.n).Set(last.keys.Index(last.n))
		into.values.Index(into.n).Set(last.values.Index(last.n))
		into.n++
	}
}
