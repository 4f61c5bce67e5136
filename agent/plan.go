package agent

import (
	"errors"
	"net/http"
	"runtime"
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
}

// plan says what an operation would do. It changes nothing; to measure the
// wait it takes the lock once, the way the operation would, and lets go.
func (s *server) plan(w http.ResponseWriter, r *http.Request, _ string) error {
	name, strategy := "", ""
	if err := readFields(w, r, map[string]any{"map": &name, "strategy": &strategy}); err != nil {
		return err
	}
	reg, err := s.chosen(name, strategy)
	if err != nil {
		return err
	}
	seen, times, err := reg.target.measure(lockPatience)
	if err != nil && !errors.Is(err, errTooSlow) { // an operation need not count first
		return err
	}
	writeJSON(w, 200, planFor(reg.view(seen, err), checkRoundTrip(reg.target.types()), times))
	return nil
}

func planFor(m mapView, trip *roundTrip, times lockTimes) planView {
	can := m.Strategies[strategySwap]
	p := planView{
		Schema: planSchema, Map: m, Strategy: strategySwap,
		Supported: can.Supported, Why: can.Why, Steps: []string{}, Entries: m.Entries,
		LockWaitNs: times.wait.Nanoseconds(), RoundTrip: trip,
		Undo: undoSentence, Notes: trip.noteList(),
	}
	if !can.Supported {
		p.Undo = "Nothing is done, so there is nothing to undo."
		return p
	}
	p.Steps = swapSteps(m.Kind)
	p.Notes = append(p.Notes, kindNotes(m.Kind)...)
	return p
}

const undoSentence = "Until the commit every entry can return; a key written since then keeps its newer value, " +
	"and a key deleted since then returns, because a delete of a key that is not there leaves no trace."

func swapSteps(kind string) []string {
	first := []string{
		"Prepare an empty map.",
		"Take the registered lock, put the empty map in place of the full one, let the lock go.",
	}
	if kind == kindSyncMap {
		first = []string{"Walk the sync.Map and move each entry into a side store with LoadAndDelete; nothing stored meanwhile is touched."}
	}
	return append(first,
		"Hold the old entries: they can be streamed, committed or undone.",
		"Without a commit before the hold is over, give every entry back.",
		"On commit drop the old entries, run a garbage collection and return the memory to the operating system.",
	)
}

func kindNotes(kind string) []string {
	if kind == kindMap {
		notes := []string{
			"The service finds an empty map and fills it again as after a restart.",
			"The old bucket arrays go with the old map, which delete and clear would keep.",
		}
		if growthNote != "" {
			notes = append(notes, growthNote)
		}
		return notes
	}
	notes := []string{
		"Entries leave one after another: for a moment readers see some of them gone and some not.",
		"While they are held the side store costs 32 bytes an entry on top.",
		"There is no lock to measure; the time for the whole walk is detach_ns of the operation.",
	}
	if syncMapKeepsBuckets {
		return append(notes, "This sync.Map ("+runtime.Version()+") is the old design: values and keys are freed, "+
			"its bucket array only after the service has stored new keys and the map has promoted them.")
	}
	return append(notes, "This sync.Map ("+runtime.Version()+") is a hash trie: it gives its nodes back as its entries leave.")
}

func (r *roundTrip) noteList() []string {
	notes := make([]string, 0, len(r.notes))
	for note := range r.notes {
		notes = append(notes, note)
	}
	sort.Strings(notes)
	return notes
}
