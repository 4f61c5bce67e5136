package main

import "reflect"

// figures is what the traffic of one kind has done so far.
type figures struct {
	Entries   int     `json:"entries"`
	Writes    int64   `json:"writes"`
	Reads     int64   `json:"reads"`
	Walked    int64   `json:"walked"`
	Walking   int64   `json:"iterators_alive"`
	HeldShare float64 `json:"held_percent"`
}

func (t *traffic[K, V]) figures() figures {
	f := figures{Writes: t.writes.Load(), Reads: t.reads.Load(), Walked: t.walked.Load(), Walking: t.walking.Load()}
	for _, p := range t.places {
		f.Entries += p.size()
	}
	if lifetime := t.lifetime.Load(); lifetime > 0 {
		f.HeldShare = 100 * float64(t.held.Load()) / float64(lifetime)
	}
	return f
}

// targetTruth says what there is to be found.
type targetTruth struct {
	Type   string     `json:"type"`
	Places []location `json:"places"`
}

func (t *traffic[K, V]) truth() targetTruth {
	told := targetTruth{Type: "sync.Map"}
	if t.places[0].located().LockKind != selfGuarded {
		told.Type = reflect.TypeOf(map[K]V{}).String()
	}
	for _, p := range t.places {
		told.Places = append(told.Places, p.located())
	}
	return told
}
