package agent

import (
	"net/http"
	"os"
	"runtime"
	"time"
)

const mapsSchema = "mapmedic.agent.maps/1"

const (
	// lookPatience bounds the look at one map, lookBudget the look at all.
	lookPatience = 50 * time.Millisecond
	lookBudget   = 500 * time.Millisecond
)

type mapsView struct {
	Schema       string    `json:"schema"`
	AgentVersion string    `json:"agent_version"`
	GoVersion    string    `json:"go_version"`
	PID          int       `json:"pid"`
	Maps         []mapView `json:"maps"`
}

type mapView struct {
	Name         string                  `json:"name"`
	Kind         string                  `json:"kind"`
	Type         string                  `json:"type"`
	Entries      *int                    `json:"entries"`
	EntriesWhy   *string                 `json:"entries_why"`
	RegisteredAt string                  `json:"registered_at"`
	Strategies   map[string]strategyView `json:"strategies"`
}

type strategyView struct {
	Supported bool   `json:"supported"`
	Why       string `json:"why"`
}

func (s *server) listMaps(w http.ResponseWriter, _ *http.Request, _ string) error {
	answer := mapsView{
		Schema: mapsSchema, AgentVersion: Version, GoVersion: runtime.Version(),
		PID: os.Getpid(), Maps: []mapView{},
	}
	until := time.Now().Add(lookBudget)
	for _, reg := range s.reg.list() {
		seen, err := reg.target.look(max(0, min(lookPatience, time.Until(until))))
		answer.Maps = append(answer.Maps, reg.view(seen, err))
	}
	writeJSON(w, 200, answer)
	return nil
}

// view describes a map after a look into it that may have failed.
func (reg *registration) view(seen view, err error) mapView {
	v := mapView{
		Name: reg.name, Kind: reg.target.kind(), Type: reg.target.types().container.String(), RegisteredAt: reg.at,
		Strategies: map[string]strategyView{},
	}
	for _, strategy := range strategies {
		v.Strategies[strategy] = supports(situation{kind: v.Kind, seen: seen, counted: err == nil, oldSyncMap: syncMapKeepsBuckets},
			task{strategy: strategy, maxHold: defaultLockHold})
	}
	if err != nil {
		why := err.Error()
		v.EntriesWhy = &why
	} else {
		v.Entries = &seen.entries
	}
	return v
}
