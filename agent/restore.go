package agent

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"time"
)

const restoreSchema = "mapmedic.agent.restore/1"

// backupPatience bounds how long a whole stream may take to arrive: while it
// does, no operation can begin.
const backupPatience = 60 * time.Second

// inbox is a set of entries that is filled from outside and then restored.
type inbox interface {
	detached
	// slot is room for one more entry, zero and settable; keep holds on to what was put there.
	slot() (key, value reflect.Value)
	keep()
}

// restoreView is the answer to a restore.
type restoreView struct {
	Schema      string `json:"schema"`
	Map         string `json:"map"`
	Kind        string `json:"kind"`
	Type        string `json:"type"`
	Entries     int    `json:"entries"`
	Unencodable int    `json:"unencodable"`
	Restored    int    `json:"restored"`
	KeptNewer   int    `json:"kept_newer"`
	LockHoldNs  int64  `json:"lock_hold_ns"`
	ReadNs      int64  `json:"read_ns"`
	InsertNs    int64  `json:"insert_ns"`
	By          string `json:"by"`
}

// restoreEntries puts the entries of a stream into a map. Nothing is inserted
// before all of it has been read, decoded and found whole.
func (s *server) restoreEntries(w http.ResponseWriter, r *http.Request, _ string) error {
	err := s.restore(w, r)
	if err != nil {
		readRest(w, r)
	}
	return err
}

func (s *server) restore(w http.ResponseWriter, r *http.Request) error {
	reg, err := s.restorable(r)
	if err != nil {
		return err
	}
	answer, err := s.restoreOnce(reg, w, r)
	said := []any{"remote", r.RemoteAddr, "operator", answer.By, "map", reg.name, "entries", answer.Entries,
		"restored", answer.Restored, "kept_newer", answer.KeptNewer, "lock_hold", time.Duration(answer.LockHoldNs)}
	if err != nil {
		audit(s.log, "not restored", append(said, "why", err.Error())...)
		return err
	}
	audit(s.log, "restored", said...)
	writeJSON(w, 200, answer)
	return nil
}

// restorable finds the map of a restore and refuses types that lose something.
func (s *server) restorable(r *http.Request) (*registration, error) {
	names := r.URL.Query()["map"]
	if len(names) != 1 || names[0] == "" {
		return nil, badRequest("the query must name one map: ?map=NAME")
	}
	reg, known := s.reg.lookup(names[0])
	if !known {
		return nil, unknownMap(clip(names[0], maxNameBytes))
	}
	if trip := checkRoundTrip(reg.target.types()); !trip.Lossless {
		return nil, &problem{422, "not_lossless", "entries of this type cannot be restored without loss: " + trip.Losses[0],
			"POST /debug/mapmedic/v1/plan lists every loss"}
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != entriesMediaType {
		return nil, &problem{415, "unsupported_media_type", "the body of a restore must be " + entriesMediaType,
			"send the header Content-Type: " + entriesMediaType}
	}
	return reg, nil
}

// restoreOnce keeps everything else out from the first byte of the body on, so
// that no two bodies are in memory.
func (s *server) restoreOnce(reg *registration, w http.ResponseWriter, r *http.Request) (restoreView, error) {
	turn, err := s.reg.desk.takeTurn()
	if err != nil {
		return restoreView{By: operator(r)}, err
	}
	defer turn.leave()
	return restoreInto(reg, w, r)
}

func restoreInto(reg *registration, w http.ResponseWriter, r *http.Request) (restoreView, error) {
	of := reg.target.types()
	v := restoreView{Schema: restoreSchema, Map: reg.name, Kind: reg.target.kind(), Type: of.container.String(), By: operator(r)}
	started := time.Now()
	entries := reg.target.inbox()
	end, err := readBackup(w, r, entries, of)
	v.ReadNs = time.Since(started).Nanoseconds()
	if err != nil {
		return v, err
	}
	v.Entries, v.Unencodable = end.Entries, end.Unencodable
	started = time.Now()
	done, err := entries.restore(started.Add(undoPatience))
	v.InsertNs = time.Since(started).Nanoseconds()
	v.Restored, v.KeptNewer, v.LockHoldNs = done.merged, done.keptNewer, done.longestHold.Nanoseconds()
	return v, halfDone(err, done, end.Entries)
}

// halfDone says how far an insertion came before it failed. Where entries are in
// the map already that is no 4xx: those promise that nothing was inserted.
func halfDone(err error, done merge, of int) error {
	inside := done.merged + done.keptNewer
	far := func() string { return fmt.Sprintf("%s: %d of %d entries are in the map", err, inside, of) }
	const next = "send the same stream again: what is in the map already is kept"
	switch {
	case errors.Is(err, errLockTimeout):
		return &problem{503, "lock_timeout", far(), next}
	case err != nil && inside > 0:
		return &problem{500, "internal", far(), next}
	}
	return err
}

func readBackup(w http.ResponseWriter, r *http.Request, entries inbox, of types) (trailer, error) {
	body, done := arriving(w, r)
	defer done()
	return newBackup(body, checkRoundTrip(of).recursive).into(entries, of)
}

// readRest takes what is left of a body that was refused: a server that answers
// and hangs up in the middle of it leaves its caller with a broken connection and no answer.
func readRest(w http.ResponseWriter, r *http.Request) {
	body, done := arriving(w, r)
	defer done()
	_, _ = io.Copy(io.Discard, body)
}

// arriving is the body, bounded in size and time.
func arriving(w http.ResponseWriter, r *http.Request) (body io.Reader, done func()) {
	control := http.NewResponseController(w)
	// Not every ResponseWriter has deadlines; the size is bounded anyway.
	_ = control.SetReadDeadline(time.Now().Add(backupPatience))
	return http.MaxBytesReader(w, r.Body, maxBackup), func() { _ = control.SetReadDeadline(time.Time{}) }
}
