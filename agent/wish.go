package agent

import (
	"net/http"
	"strings"
	"time"
)

// wish is what a caller of plan or operations asks for.
type wish struct {
	name, strategy string
	holdMillis     int
	where          conditions
}

func newWish() *wish { return &wish{holdMillis: int(defaultLockHold / time.Millisecond)} }

// fields are the JSON fields of a wish, and more beside them.
func (q *wish) fields(more map[string]any) map[string]any {
	all := map[string]any{"map": &q.name, "strategy": &q.strategy, "max_lock_hold_ms": &q.holdMillis,
		"where": &q.where}
	for name, to := range more {
		all[name] = to
	}
	return all
}

// read fills a wish from a body and finds its map.
func (s *server) read(w http.ResponseWriter, r *http.Request, q *wish, more map[string]any) (*registration, task, error) {
	if err := readFields(w, r, q.fields(more)); err != nil {
		return nil, task{}, err
	}
	reg, err := s.chosen(q.name, q.strategy)
	if err != nil {
		return nil, task{}, err
	}
	what, err := q.task(reg.target.types())
	return reg, what, err
}

// task checks what a wish says against the types of the map.
func (q *wish) task(of types) (task, error) {
	if q.holdMillis < 1 || q.holdMillis > int(longestLockHold/time.Millisecond) {
		return task{}, badRequest("max_lock_hold_ms must be from 1 to %d", int(longestLockHold/time.Millisecond))
	}
	what := task{strategy: q.strategy, where: q.where,
		maxHold: time.Duration(q.holdMillis) * time.Millisecond}
	if (what.strategy == strategyEvict) != (what.where != nil) {
		return task{}, badRequest(`"where", a list of conditions, goes with evict and with nothing else`)
	}
	if what.where == nil {
		return what, nil
	}
	var err error
	what.matcher, err = newMatcher(what.where, of, time.Now())
	return what, err
}

// chosen finds the map of a request and refuses strategies there are not.
func (s *server) chosen(name, strategy string) (*registration, error) {
	if name == "" {
		return nil, badRequest(`"map" is missing: the name of a registered map`)
	}
	if strategy == "" {
		return nil, badRequest(`"strategy" is missing: one of %s`, strings.Join(strategies, ", "))
	}
	reg, known := s.reg.lookup(name)
	if !known {
		return nil, unknownMap(clip(name, maxNameBytes))
	}
	for _, one := range strategies {
		if one == strategy {
			return reg, nil
		}
	}
	return nil, notSupported("there is no strategy of this name; there are " + strings.Join(strategies, ", "))
}
