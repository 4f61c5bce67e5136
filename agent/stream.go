package agent

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash"
	"net/http"
	"reflect"
	"runtime/debug"
	"time"
)

const (
	// A chunk of frames is encoded while the entries are borrowed and written
	// after they were given back, so that a slow client delays no undo.
	chunkBytes   = 256 << 10
	chunkEntries = 1024
	chunkTime    = 20 * time.Millisecond
	// chunkPatience is how long a client may take to read one chunk.
	chunkPatience = 30 * time.Second
)

const entriesMediaType = "application/vnd.mapmedic.entries"

// trailer closes a stream. Entries and Unencodable together are every entry
// that was detached; SHA256 is over the payloads of all entry frames.
type trailer struct {
	Entries     int `json:"entries"`
	Unencodable int `json:"unencodable"`
	// FirstUnencodable says why the first entry was left out, without its content.
	FirstUnencodable string `json:"first_unencodable,omitempty"`
	Lossy            bool   `json:"lossy"`
	SHA256           string `json:"sha256"`
}

// stream writes the detached entries of an operation as frames.
type stream struct {
	op      *operation
	next    func() (key, value reflect.Value, ok bool)
	enc     encoder
	out     []byte
	sum     hash.Hash
	trailer trailer
	done    bool
}

func (s *server) streamEntries(w http.ResponseWriter, r *http.Request, id string) error {
	op, err := s.operation(id)
	if err != nil {
		return err
	}
	lossy, err := wantsLossy(r)
	if err != nil {
		return err
	}
	if trip := checkRoundTrip(op.types); !trip.Lossless && !lossy {
		return &problem{422, "not_lossless", "entries of this type cannot be written without loss: " + trip.Losses[0],
			"POST /debug/mapmedic/v1/plan lists every loss; add ?lossy=1 to stream all the same"}
	}
	if err := op.beginStream(); err != nil {
		return err
	}
	defer op.endStream()
	st := &stream{op: op, sum: sha256.New(), enc: encoder{lossy: lossy}, trailer: trailer{Lossy: lossy}}
	whole := st.send(w, r)
	op.audit("entries streamed", r.RemoteAddr, "asked_by", operator(r), "complete", whole,
		"written", st.trailer.Entries, "unencodable", st.trailer.Unencodable)
	return nil
}

func wantsLossy(r *http.Request) (bool, error) {
	values, given := r.URL.Query()["lossy"]
	switch {
	case !given:
		return false, nil
	case len(values) == 1 && (values[0] == "1" || values[0] == "true"):
		return true, nil
	case len(values) == 1 && (values[0] == "0" || values[0] == "false"):
		return false, nil
	}
	return false, badRequest("lossy must be 1 or 0")
}

// send reports whether the client got everything, trailer included. A stream
// cut short has no trailer: that is how the reader knows.
func (st *stream) send(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Set("Content-Type", entriesMediaType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	control := http.NewResponseController(w)
	for !st.done {
		if r.Context().Err() != nil || !st.op.nextEntries(st.fill) {
			return false
		}
		_ = control.SetWriteDeadline(time.Now().Add(chunkPatience))
		if _, err := w.Write(st.out); err != nil {
			return false
		}
		_ = control.Flush()
	}
	return true
}

// fill encodes the next chunk. It runs with the entries borrowed.
func (st *stream) fill(entries detached) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	if st.next == nil {
		st.next = entries.walk()
	}
	st.out = st.out[:0]
	started := time.Now()
	for n := 0; n < chunkEntries && len(st.out) < chunkBytes && time.Since(started) < chunkTime; n++ {
		key, value, more := st.next()
		if !more {
			st.close()
			return
		}
		st.enc.buf = st.enc.buf[:0]
		if why := st.enc.entry(key, value); why != "" {
			st.leaveOut(why)
			continue
		}
		st.trailer.Entries++
		st.sum.Write(st.enc.buf)
		st.frame(st.enc.buf)
	}
}

func (st *stream) leaveOut(why string) {
	if st.trailer.Unencodable == 0 {
		st.trailer.FirstUnencodable = clip(why, 2*maxPathBytes)
	}
	st.trailer.Unencodable++
}

// close appends the empty frame and the trailer.
func (st *stream) close() {
	st.trailer.SHA256 = hex.EncodeToString(st.sum.Sum(nil))
	raw, err := json.Marshal(st.trailer)
	if err != nil {
		return // numbers, strings and a bool: cannot be
	}
	st.frame(nil)
	st.frame(raw)
	st.done = true
}

func (st *stream) frame(payload []byte) {
	st.out = binary.BigEndian.AppendUint32(st.out, uint32(len(payload)))
	st.out = append(st.out, payload...)
}
