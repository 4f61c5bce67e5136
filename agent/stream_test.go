package agent

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

// readFrames is an independent reader of the documented framing.
func readFrames(r io.Reader) (entries []string, end trailer, err error) {
	in, sum := bufio.NewReader(r), sha256.New()
	frame := func() ([]byte, error) {
		var size [4]byte
		if _, err := io.ReadFull(in, size[:]); err != nil {
			return nil, err
		}
		payload := make([]byte, binary.BigEndian.Uint32(size[:]))
		_, err := io.ReadFull(in, payload)
		return payload, err
	}
	for {
		payload, err := frame()
		if err != nil {
			return entries, end, err
		}
		if len(payload) == 0 {
			break
		}
		sum.Write(payload)
		entries = append(entries, string(payload))
	}
	last, err := frame()
	if err != nil {
		return entries, end, err
	}
	if err := json.Unmarshal(last, &end); err != nil {
		return entries, end, err
	}
	if _, err := in.ReadByte(); err != io.EOF {
		return entries, end, errors.New("something follows the trailer")
	}
	if end.SHA256 != hex.EncodeToString(sum.Sum(nil)) || end.Entries != len(entries) {
		return entries, end, errors.New("the trailer does not agree")
	}
	return entries, end, nil
}

func TestEveryEntryIsStreamedOnce(t *testing.T) {
	for _, n := range []int{0, 1, chunkEntries, chunkEntries*3 + 1} {
		s := filled(n)
		medic := serve(t, s.register(t, "m"))
		op := medic.detach("m")
		for again := 0; again < 2; again++ { // a stream can be repeated
			response := medic.send("GET", path(op, "/entries"), "")
			entries, end, err := readFrames(response.Body)
			response.Body.Close()
			if err != nil || end.Entries != n || end.Unencodable != 0 {
				t.Fatalf("%d entries: %+v %v", n, end, err)
			}
			got := map[string]int{}
			for _, e := range entries {
				var entry struct {
					K string
					V int
				}
				if err := json.Unmarshal([]byte(e), &entry); err != nil {
					t.Fatal(err)
				}
				got[entry.K] = entry.V
			}
			if len(got) != n || (n > 0 && got[keyOf(n-1)] != n-1) {
				t.Errorf("%d different keys of %d", len(got), n)
			}
		}
		medic.do("POST", path(op, "/undo"), "")
	}
}

// wide makes entries so large that the stream cannot hide in socket buffers.
func wide(t *testing.T) (*client, map[string][]byte) {
	m := map[string][]byte{}
	for i := 0; i < 3000; i++ {
		m[keyOf(i)] = make([]byte, 16<<10)
	}
	reg := NewRegistry()
	if err := RegisterMapIn(reg, "m", &m, &plainLock{}); err != nil {
		t.Fatal(err)
	}
	return serve(t, reg), m
}

// halfRead begins a stream and reads only its first bytes.
func halfRead(t *testing.T, medic *client, op map[string]any) (*http.Response, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, _ := http.NewRequestWithContext(ctx, "GET", medic.url+path(op, "/entries"), nil)
	r.Header.Set("Authorization", "Bearer "+testToken)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(response.Body, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	return response, cancel
}

func TestNoCommitDuringAStreamAndAClientThatGoesAway(t *testing.T) {
	medic, _ := wide(t)
	op := medic.detach("m")
	response, cancel := halfRead(t, medic, op)
	defer response.Body.Close()
	if status, answer := medic.do("POST", path(op, "/commit"), ""); status != 409 || code(answer) != "wrong_state" {
		t.Errorf("commit during a stream: %d %v", status, answer)
	}
	if status, answer := medic.do("GET", path(op, "/entries"), ""); status != 409 || code(answer) != "operation_in_progress" {
		t.Errorf("a second stream: %d %v", status, answer)
	}
	if _, shown := medic.do("GET", path(op, ""), ""); shown["busy"] != "streaming" {
		t.Errorf("shown as %v", shown["busy"])
	}
	cancel() // the client goes away
	waitFor(t, "the stream to end", func() bool {
		_, shown := medic.do("GET", path(op, ""), "")
		return shown["busy"] == nil
	})
	if status, answer := medic.do("POST", path(op, "/commit"), ""); status != 200 {
		t.Errorf("commit after the stream: %d %v", status, answer)
	}
}

// A client that reads nothing must not keep the entries from going back.
func TestAnUndoCutsAStalledStream(t *testing.T) {
	medic, _ := wide(t)
	op := medic.detach("m")
	response, cancel := halfRead(t, medic, op)
	defer cancel()
	started := time.Now()
	if status, done := medic.do("POST", path(op, "/undo"), ""); status != 200 || done["merged"] != 3000.0 {
		t.Errorf("undo: %d %v", status, done)
	}
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("the undo waited %v for the client", took)
	}
	_, _, err := readFrames(response.Body)
	if err == nil {
		t.Error("a cut stream has a trailer")
	}
}

func TestLossyTypesNeedConsent(t *testing.T) {
	type calls struct {
		Any  any
		Func func()
	}
	m := map[string]calls{"a": {Any: 1}, "b": {Func: func() {}}}
	reg := NewRegistry()
	if err := RegisterMapIn(reg, "m", &m, &plainLock{}); err != nil {
		t.Fatal(err)
	}
	medic := serve(t, reg)
	op := medic.detach("m")
	if status, answer := medic.do("GET", path(op, "/entries"), ""); status != 422 || code(answer) != "not_lossless" {
		t.Errorf("%d %v", status, answer)
	}
	if status, answer := medic.do("GET", path(op, "/entries?lossy=maybe"), ""); status != 400 {
		t.Errorf("%d %v", status, answer)
	}
	_, raw := medic.raw("GET", path(op, "/entries?lossy=1"), "")
	entries, end, err := readFrames(strings.NewReader(raw))
	if err != nil || end.Entries != 2 || !end.Lossy || !strings.Contains(strings.Join(entries, ""), `{"k":"a","v":{"Any":{"type":"int","value":1},"Func":null}}`) {
		t.Errorf("%v %+v %v", entries, end, err)
	}
}

// What only an entry shows is counted and named by the stream, and nothing
// that was written short is taken back for whole.
func TestAnEntryThatWouldLoseSomethingIsLeftOut(t *testing.T) {
	m := map[string]any{"a": &node{V: 1, Next: &node{V: 2}}, "b": func() {}}
	reg := NewRegistry()
	if err := RegisterMapIn(reg, "m", &m, &plainLock{}); err != nil {
		t.Fatal(err)
	}
	medic := serve(t, reg)
	op := medic.detach("m")
	_, whole := medic.raw("GET", path(op, "/entries"), "")
	entries, end, err := readFrames(strings.NewReader(whole))
	if err != nil || len(entries) != 1 || end.Unencodable != 1 || !strings.Contains(end.FirstUnencodable, "(func()): a func") {
		t.Errorf("%v %+v %v", entries, end, err)
	}
	_, lossy := medic.raw("GET", path(op, "/entries?lossy=1"), "")
	medic.end(op, "/commit")
	if status, answer := medic.restore("m", lossy); status != 400 || len(m) != 0 { // at the func, before the trailer says it
		t.Errorf("%d %v", status, answer)
	}
	if status, answer := medic.restore("m", whole); status != 200 || answer["unencodable"] != 1.0 || len(m) != 1 {
		t.Errorf("%d %v", status, answer)
	}
	if n, is := m["a"].(*node); !is || n.V != 1 || n.Next.V != 2 {
		t.Errorf("%v", m["a"])
	}
}

// A stream of an agent that cut such types has no word about it in its trailer.
func TestAnOldStreamOfATypeThatLeadsBackIsRefused(t *testing.T) {
	m := map[string]*node{}
	reg := NewRegistry()
	if err := RegisterMapIn(reg, "m", &m, &plainLock{}); err != nil {
		t.Fatal(err)
	}
	medic := serve(t, reg)
	if status, answer := medic.restore("m", framed(`{"k":"a","v":{"V":1,"Next":null}}`)); status != 422 || len(m) != 0 {
		t.Errorf("%d %v", status, answer)
	}
}

// A service that is out of memory has none to spare for the copy of its map.
func TestTextsAndBytesAreWrittenWithoutGarbage(t *testing.T) {
	const entries = 40
	page := strings.Repeat("<p class=\"a\">Gr\u00fc\u00dfe & mehr</p>\n", 2000)
	control := strings.Repeat("\x01", 64<<10)
	for _, value := range []reflect.Value{reflect.ValueOf(make([]byte, 64<<10)), reflect.ValueOf(page), reflect.ValueOf(control)} {
		key, enc := reflect.ValueOf("k"), encoder{}
		var before, after runtime.MemStats
		if why := enc.entry(key, value); why != "" { // the buffer has its size now
			t.Fatal(why)
		}
		runtime.ReadMemStats(&before)
		for i := 0; i < entries; i++ {
			enc.buf = enc.buf[:0]
			if why := enc.entry(key, value); why != "" {
				t.Fatal(why)
			}
		}
		runtime.ReadMemStats(&after)
		if made, size := after.TotalAlloc-before.TotalAlloc, uint64(value.Len()); made > entries*size/20 {
			t.Errorf("%s: %d bytes of garbage for %d bytes of values", value.Type(), made, entries*size)
		}
	}
}

func TestNumbersAndTimesAreWrittenWithoutGarbage(t *testing.T) {
	number, at, key := int64(1)<<60, time.Unix(1e9, 123), "k"
	for _, value := range []reflect.Value{reflect.ValueOf(&number).Elem(), reflect.ValueOf(&at).Elem()} {
		enc := encoder{}
		made := testing.AllocsPerRun(100, func() {
			enc.buf = enc.buf[:0]
			enc.entry(reflect.ValueOf(&key).Elem(), value)
		})
		if made >= 1 {
			t.Errorf("%s: %.0f allocations an entry", value.Type(), made)
		}
	}
}
