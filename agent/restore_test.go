package agent

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

const restorePath = "/debug/mapmedic/v1/restore?map="

// framed writes payloads the documented way; it shares no code with the agent.
func framed(payloads ...string) string {
	var out bytes.Buffer
	sum := sha256.New()
	frame := func(payload string) {
		_ = binary.Write(&out, binary.BigEndian, uint32(len(payload)))
		out.WriteString(payload)
	}
	for _, payload := range payloads {
		sum.Write([]byte(payload))
		frame(payload)
	}
	frame("")
	frame(fmt.Sprintf(`{"entries":%d,"unencodable":0,"sha256":"%s"}`, len(payloads), hex.EncodeToString(sum.Sum(nil))))
	return out.String()
}

func (c *client) restore(name, body string) (int, map[string]any) {
	c.t.Helper()
	return c.as(entriesMediaType).do("POST", restorePath+name, body)
}

// as is the same client with another media type for its bodies.
func (c *client) as(mediaType string) *client {
	other := *c
	other.mediaType = mediaType
	return &other
}

func TestRestoreAfterTheCommit(t *testing.T) {
	s := filled(20000)
	medic := serve(t, s.register(t, "m"))
	op := medic.detach("m")
	_, backup := medic.raw("GET", path(op, "/entries"), "")
	medic.end(op, "/commit")
	for i := 0; i < 500; i++ {
		s.set(keyOf(i), -1) // newer than the backup
	}
	for again := 0; again < 2; again++ {
		status, done := medic.restore("m", backup)
		want := []float64{19500, 500}[again:]
		if again == 1 { // idempotent
			want = []float64{0}
		}
		if status != 200 || done["restored"] != want[0] || done["restored"].(float64)+done["kept_newer"].(float64) != 20000 {
			t.Fatalf("%d %v", status, done)
		}
	}
	model := filled(20000).m
	for i := 0; i < 500; i++ {
		model[keyOf(i)] = -1
	}
	same(t, s.copy(), model)
}

func TestABrokenStreamInsertsNothing(t *testing.T) {
	s := filled(10)
	medic := serve(t, s.register(t, "m"))
	good := framed(`{"k":"a","v":1}`, `{"k":"b","v":2}`)
	cases := map[string]string{
		good[:len(good)-1]:        "cut short",
		good[:30]:                 "it ends after 1 entries",
		good[:3]:                  "it ends after 0",
		good + "x":                "something follows the trailer",
		good + good:               "something follows the trailer",
		"\xff\xff\xff\xff" + good: "4294967295 bytes",
		strings.Replace(good, `"v":2`, `"v":3`, 1):             "SHA-256",
		strings.Replace(good, `"entries":2`, `"entries":3`, 1): "says 3 entries, 2 were read",
		strings.Replace(good, `"entries":2`, `"entr":2   `, 1): "trailer is not one",
		framed(`{"k":"a","v":1}`, `{"k":"b","v":"x"}`):         "entry 2: value: expected an integer",
		framed(`{"k":"a","v":1.5}`):                            "entry 1: value: expected an integer",
		framed(`{"k":1,"v":1}`):                                "entry 1: key: expected a string",
		framed(`{"k":"a","v":9223372036854775808}`):            "entry 1: value: expected an integer that fits",
		framed(`{"k":"a","v":1} `):                             "something follows",
		framed(`{"v":1,"k":"a"}`):                              `expected {"k":`,
		framed(`{"k":"\ud800","v":1}`):                         "surrogate",
		framed("{\"k\":\"\xff\",\"v\":1}"):                     "UTF-8",
		framed("{\"k\":\"\x00\",\"v\":1}"):                     "control",
		framed(`{"k":"a`):                                      "expected a string",
		framed(`{"k":"a","v":`):                                "expected an integer",
		framed(`{"k":{"base64":"A"},"v":1}`):                   "base64",
		framed(`{"k":"a","v":1}`)[:24] + "\x00\x00\x00\x02{}":  "trailer is not one",
		framed(strings.Repeat("x", maxFrame)):                  `expected {"k":`,
		"\x00\x80\x00\x01" + strings.Repeat("x", maxFrame+1):   "more than 8388608",
	}
	for body, why := range cases {
		status, answer := medic.restore("m", body)
		if status != 400 || !strings.Contains(fmt.Sprint(answer), why) || !strings.Contains(fmt.Sprint(answer), "nothing was inserted") {
			t.Errorf("%.60q: %d %v, want %q", body, status, answer, why)
		}
	}
	same(t, s.copy(), filled(10).m)
	if occupied.Load() != nil {
		t.Error("a refused restore keeps the turn")
	}
}

func TestRefusedRestores(t *testing.T) {
	s := filled(10)
	reg := s.register(t, "m")
	calls := map[string]func(){"a": nil}
	if err := RegisterMapIn(reg, "calls", &calls, &s.mu); err != nil {
		t.Fatal(err)
	}
	medic := serve(t, reg)
	body := framed(`{"k":"a","v":1}`)
	for _, c := range []struct {
		path, media string
		status      int
		why         string
	}{
		{"/debug/mapmedic/v1/restore", entriesMediaType, 400, "?map=NAME"},
		{restorePath, entriesMediaType, 400, "?map=NAME"},
		{restorePath + "m&map=m", entriesMediaType, 400, "?map=NAME"},
		{restorePath + "other", entriesMediaType, 404, "unknown_map"},
		{restorePath + "m", "application/json", 415, entriesMediaType},
		{restorePath + "calls", entriesMediaType, 422, "value (func()): a func"},
	} {
		if status, answer := medic.as(c.media).do("POST", c.path, body); status != c.status || !strings.Contains(fmt.Sprint(answer), c.why) {
			t.Errorf("%s: %d %v", c.path, status, answer)
		}
	}
	op := medic.detach("m")
	if status, answer := medic.restore("m", body); status != 409 || code(answer) != "operation_in_progress" || !strings.Contains(fmt.Sprint(answer), op["id"].(string)) {
		t.Errorf("%d %v", status, answer)
	}
}

// A refusal of a large body is an answer, not a broken connection.
func TestARefusedBodyIsReadToItsEnd(t *testing.T) {
	s := filled(10)
	medic := serve(t, s.register(t, "m"))
	body := framed("nonsense", strings.Repeat("x", 7<<20))
	for i := 0; i < 10; i++ {
		if status, _ := medic.restore("m", body); status != 400 {
			t.Fatal(status)
		}
		if status, _ := medic.as("text/plain").do("POST", restorePath+"m", body); status != 415 {
			t.Fatal(status)
		}
	}
}

// Messages are for people.
func TestReckonedTimesAreRounded(t *testing.T) {
	for d, want := range map[time.Duration]string{110016000: "110ms", 1234567: "1.23ms", 300 * time.Millisecond: "300ms"} {
		if got := forPeople(d).String(); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}

// A body that drips in keeps operations out, and everything else not.
func TestNoOperationDuringARestore(t *testing.T) {
	s := filled(10)
	medic := serve(t, s.register(t, "m"))
	in, out := io.Pipe()
	request, _ := http.NewRequest("POST", medic.url+restorePath+"m", in)
	request.Header.Set("Authorization", "Bearer "+testToken)
	request.Header.Set("Content-Type", entriesMediaType)
	answered := make(chan error, 1)
	go func() {
		_, err := http.DefaultClient.Do(request)
		answered <- err
	}()
	if _, err := out.Write([]byte("\x00\x00\x00\x0f")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the restore to begin", func() bool { return occupied.Load() != nil })
	if status, answer := medic.do("POST", "/debug/mapmedic/v1/operations", `{"map":"m","strategy":"swap"}`); status != 409 {
		t.Errorf("%d %v", status, answer)
	}
	out.CloseWithError(io.ErrClosedPipe) // the client goes away
	if err := <-answered; err == nil {
		t.Error("an answer to half a body")
	}
	waitFor(t, "the turn to be free", func() bool { return occupied.Load() == nil })
	same(t, s.copy(), filled(10).m)
}

// What cannot be a key would panic with the lock held.
func TestAKeyThatIsNoneIsRefused(t *testing.T) {
	m := map[[2]any]int{}
	reg := NewRegistry()
	if err := RegisterMapIn(reg, "m", &m, &plainLock{}); err != nil {
		t.Fatal(err)
	}
	medic := serve(t, reg)
	for key, want := range map[string]int{`[null,{"type":"[]string","value":null}]`: 400, `[null,{"type":"int","value":1}]`: 200} {
		if status, answer := medic.restore("m", framed(`{"k":`+key+`,"v":1}`)); status != want {
			t.Errorf("%s: %d %v", key, status, answer)
		}
	}
}

// A few bytes on the wire must not become gigabytes in the service.
func TestWhatAStreamDecodesToIsBounded(t *testing.T) {
	type wide struct{ _ [1 << 20]byte }
	m := map[int][]wide{}
	reg := NewRegistry()
	if err := RegisterMapIn(reg, "m", &m, &plainLock{}); err != nil {
		t.Fatal(err)
	}
	medic := serve(t, reg)
	body := framed(`{"k":1,"v":[` + strings.Repeat("{},", 1<<20) + `{}]}`)
	if status, answer := medic.restore("m", body); status != 413 || code(answer) != "body_too_large" || len(m) != 0 {
		t.Errorf("%d %v", status, answer)
	}
	s := filled(0)
	medic = serve(t, s.register(t, "n"))
	frame := `{"k":"` + strings.Repeat("x", 7<<20) + `","v":1}`
	if status, answer := medic.restore("n", framed(frame, frame, frame, frame, frame, frame, frame, frame, frame, frame)); status != 413 {
		t.Errorf("%d %v", status, answer)
	}
}

func TestARestoreThatCannotHaveTheLock(t *testing.T) {
	s := filled(10)
	medic := serve(t, s.register(t, "m"))
	s.mu.Lock()
	status, answer := medic.restore("m", framed(`{"k":"a","v":1}`))
	s.mu.Unlock()
	if status != 503 || code(answer) != "lock_timeout" || !strings.Contains(fmt.Sprint(answer), "0 of 1 entries") {
		t.Errorf("%d %v", status, answer)
	}
	if status, answer := medic.restore("m", framed(`{"k":"a","v":1}`)); status != 200 || answer["restored"] != 1.0 {
		t.Errorf("%d %v", status, answer)
	}
	if s.copy()["a"] != 1 {
		t.Error("not restored")
	}
	waitFor(t, "the waiter to be gone", func() bool { return occupied.Load() == nil })
}

// tiredLock is a lock of the service's own that breaks after some use.
type tiredLock struct {
	mu   sync.Mutex // a field: embedded it would lend its TryLock
	left int
}

func (l *tiredLock) Unlock() { l.mu.Unlock() }

func (l *tiredLock) Lock() {
	if l.left--; l.left < 0 {
		panic("tired")
	}
	l.mu.Lock()
}

// A 4xx says that nothing was inserted, which is not true any more.
func TestARestoreThatBreaksHalfwaySaysSo(t *testing.T) {
	m := map[string]int{}
	reg := NewRegistry()
	if err := RegisterMapIn(reg, "m", &m, &tiredLock{left: 1}); err != nil {
		t.Fatal(err)
	}
	var entries []string
	for i := 0; i < firstChunk+1; i++ {
		entries = append(entries, fmt.Sprintf(`{"k":"%d","v":1}`, i))
	}
	status, answer := serve(t, reg).restore("m", framed(entries...))
	if status != 500 || len(m) != firstChunk || !strings.Contains(fmt.Sprint(answer), fmt.Sprintf("%d of %d entries", firstChunk, firstChunk+1)) {
		t.Errorf("%d %v, %d entries", status, answer, len(m))
	}
}

// Any bytes at all: no failure, no panic, and nothing inserted unless all of it was taken.
func FuzzRestore(f *testing.F) {
	good := framed(`{"k":"a","v":{"type":"[]interface {}","value":[null,{"type":"time.Time","value":"2026-01-02T03:04:05Z"}]}}`)
	for _, seed := range []string{"", good, good[:40], framed(`{"k":"\u0041","v":null}`), framed(), "\x00\x00\x00\x00\x00\x00\x00\x02{}"} {
		f.Add(seed, false)
	}
	f.Add(`{"k":{"base64":"/w=="},"v":{"type":"complex128","value":[1,-0.0]}}`, true)
	f.Fuzz(func(t *testing.T, body string, sign bool) {
		if sign {
			body = framed(body)
		}
		m := map[string]any{}
		reg := NewRegistry()
		if err := RegisterMapIn(reg, "m", &m, &plainLock{}); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", restorePath+"m", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+testToken)
		r.Header.Set("Content-Type", entriesMediaType)
		w := httptest.NewRecorder()
		Handler(Options{Token: testToken, Registry: reg, Logger: quiet()}).ServeHTTP(w, r)
		if w.Code >= 500 || w.Code != 200 && len(m) > 0 {
			t.Fatalf("%q: %d %s, %d entries", body, w.Code, w.Body, len(m))
		}
	})
}
