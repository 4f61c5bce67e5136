package agent

import (
	"errors"
	"net/http"
	"sort"
)

const planSchema = "mapmedic.agent.plan/1"

type planView struct {
	Schema     string     `json:"schema"`
	Map        mapView    `json:"map"`
	Strategy   string     `json:"strategy"`
	Supported  bool       `json:"supported"`
	Why        string     `json:"why"`
	Steps      []string   `json:"steps"`
	Entries    *int       `json:"entries"`
	LockWaitNs int64      `json:"lock_wait_ns"`
	RoundTrip  *roundTrip `json:"round_trip"`
	Undo       string     `json:"undo"`
	Notes      []string   `json:"notes"`

	LockHoldEstimateNs int64        `json:"lock_hold_estimate_ns"`
	Where              conditions   `json:"where"`
	Matches            *matchesView `json:"matches"`
}

// matchesView is the answer of a dry run of conditions.
type matchesView struct {
	Scanned       int     `json:"scanned"`
	Matched       int     `json:"matched"`
	Complete      bool    `json:"complete"`
	IncompleteWhy *string `json:"incomplete_why"`
	LockHoldNs    int64   `json:"lock_hold_ns"`
	TookNs        int64   `json:"took_ns"`
}

// plan says what an operation would do. It changes nothing; to measure the
// wait it tries for the lock, but never queues for one that can be tried.
func (s *server) plan(w http.ResponseWriter, r *http.Request, _ string) error {
	reg, what, err := s.read(w, r, newWish(), nil)
	if err != nil {
		return err
	}
	seen, times, err := reg.target.measure(lockPatience)
	if err != nil && !errors.Is(err, errTooSlow) { // an operation need not count first
		return err
	}
	now := situation{kind: reg.target.kind(), seen: seen, counted: err == nil, oldSyncMap: syncMapKeepsBuckets}
	p := planFor(reg.view(seen, err), now, what, checkRoundTrip(reg.target.types()))
	p.LockWaitNs = times.wait.Nanoseconds()
	if p.Supported && times.wait >= politeFor {
		p.Notes = append(p.Notes, willQueue)
	}
	if what.matcher != nil && p.Supported {
		if p.Matches, err = dryRun(reg.target, what); err != nil {
			return err
		}
	}
	writeJSON(w, 200, p)
	return nil
}

// dryRun counts what would go. The count is of the moment: the map goes on changing.
func dryRun(of target, what task) (*matchesView, error) {
	found, err := of.count(what)
	if err != nil {
		return nil, err
	}
	v := &matchesView{Scanned: found.scanned, Matched: found.matched, Complete: found.partial == nil,
		LockHoldNs: found.times.hold.Nanoseconds(), TookNs: found.took.Nanoseconds()}
	if found.partial != nil {
		why := found.partial.Error()
		v.IncompleteWhy = &why
	}
	return v, nil
}

func planFor(m mapView, now situation, what task, trip *roundTrip) planView {
	can := supports(now, what)
	p := planView{
		Schema: planSchema, Map: m, Strategy: what.strategy,
		Supported: can.Supported, Why: can.Why, Steps: []string{}, Entries: m.Entries,
		RoundTrip: trip, Where: what.where, Undo: undoSentence, Notes: trip.noteList(),
	}
	if !can.Supported {
		p.Undo = "Nothing is done, so there is nothing to undo."
		return p
	}
	p.LockHoldEstimateNs = holdOf(now, what).Nanoseconds()
	if what.strategy == strategyShrink {
		p.Undo = "Nothing is taken out, so nothing has to return: an undo only lets the old map go, like a commit."
	}
	p.Steps = append(firstSteps(now, what.strategy), lastSteps(what.strategy)...)
	p.Notes = append(p.Notes, notesOn(now, what.strategy)...)
	return p
}

func (r *roundTrip) noteList() []string {
	notes := make([]string, 0, len(r.notes))
	for note := range r.notes {
		notes = append(notes, note)
	}
	sort.Strings(notes)
	return notes
}
