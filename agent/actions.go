package agent

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

func (s *server) stats(w http.ResponseWriter, _ *http.Request, _ string) error {
	writeJSON(w, 200, takeStats())
	return nil
}

func (s *server) listOperations(w http.ResponseWriter, _ *http.Request, _ string) error {
	answer := operationsView{Schema: operationsSchema, Operations: []operationView{}}
	for _, op := range s.reg.desk.list() {
		answer.Operations = append(answer.Operations, op.view())
	}
	writeJSON(w, 200, answer)
	return nil
}

func (s *server) showOperation(w http.ResponseWriter, _ *http.Request, id string) error {
	op, err := s.operation(id)
	if err != nil {
		return err
	}
	writeJSON(w, 200, op.view())
	return nil
}

func (s *server) beginOperation(w http.ResponseWriter, r *http.Request, _ string) error {
	seconds := int(min(defaultHold, s.maxHold) / time.Second)
	reg, what, err := s.read(w, r, newWish(), map[string]any{"hold_seconds": &seconds})
	if err != nil {
		return err
	}
	hold := time.Duration(seconds) * time.Second
	if hold < time.Second || hold > s.maxHold {
		return badRequest("hold_seconds must be from 1 to %d", int(s.maxHold/time.Second))
	}
	op, err := s.begin(r, reg, what, hold)
	if err != nil {
		return err
	}
	w.Header().Set("Location", basePath+"operations/"+op.id)
	writeJSON(w, 201, op.view())
	return nil
}

// begin detaches and logs, also when it was refused.
func (s *server) begin(r *http.Request, reg *registration, what task, hold time.Duration) (*operation, error) {
	op, err := s.reg.desk.begin(order{reg: reg, task: what, hold: hold, by: operator(r), log: s.log})
	if err != nil {
		audit(s.log, "detach refused", "remote", r.RemoteAddr, "operator", operator(r),
			"map", reg.name, "strategy", what.strategy, "why", err.Error())
		return nil, err
	}
	op.audit("detached", r.RemoteAddr, "hold", hold)
	return op, nil
}

func (s *server) commitOperation(w http.ResponseWriter, r *http.Request, id string) error {
	returnMemory := true
	if err := readFields(w, r, map[string]any{"return_memory": &returnMemory}); err != nil {
		return err
	}
	return s.end(w, r, id, "committed", func(op *operation) error { return op.commit(returnMemory) })
}

func (s *server) undoOperation(w http.ResponseWriter, r *http.Request, id string) error {
	if err := readFields(w, r, nil); err != nil {
		return err
	}
	return s.end(w, r, id, "undone", func(op *operation) error { return op.undo(stateUndone) })
}

// end brings an operation to one of its ends, logs it and answers.
func (s *server) end(w http.ResponseWriter, r *http.Request, id, what string, act func(*operation) error) error {
	op, err := s.operation(id)
	if err != nil {
		return err
	}
	if err := act(op); err != nil {
		op.audit("not "+what, r.RemoteAddr, "asked_by", operator(r), "why", err.Error())
		return err
	}
	op.audit(what, r.RemoteAddr, "asked_by", operator(r))
	writeJSON(w, 200, op.view())
	return nil
}

// clearCache is the guide's one call: detach and drop.
func (s *server) clearCache(w http.ResponseWriter, r *http.Request, _ string) error {
	var given json.RawMessage
	returnMemory := true
	err := readFields(w, r, map[string]any{"map": &given, "return_memory": &returnMemory})
	if err != nil {
		return err
	}
	name, err := s.meant(given)
	if err != nil {
		return err
	}
	reg, err := s.chosen(name, strategySwap)
	if err != nil {
		return err
	}
	op, err := s.begin(r, reg, task{strategy: strategySwap}, s.maxHold)
	if err != nil {
		return err
	}
	return s.end(w, r, op.id, "committed", func(op *operation) error { return op.commit(returnMemory) })
}

// meant is the map that a request names or, when it names none, the only one.
func (s *server) meant(given json.RawMessage) (name string, err error) {
	if given != nil {
		err = assign("map", given, &name)
		return name, err // chosen refuses the empty name
	}
	all := s.reg.list()
	if len(all) == 1 {
		return all[0].name, nil
	}
	return "", &problem{404, "unknown_map", fmt.Sprintf("no map is named and %d are registered", len(all)),
		`GET /debug/mapmedic/v1/maps lists the names; send {"map": one of them}`}
}

func (s *server) operation(id string) (*operation, error) {
	op, known := s.reg.desk.find(id)
	if !known {
		return nil, unknownOperation()
	}
	return op, nil
}
