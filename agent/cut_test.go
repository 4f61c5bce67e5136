package agent

import (
	"bytes"
	"errors"
	"io"
	"math/rand"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// scissors is a proxy that resets a connection after so many bytes, counted
// over both directions; with none left it refuses nothing and cuts nothing.
type scissors struct {
	listener net.Listener
	to       string
	after    atomic.Int64 // 0 for never
}

func newScissors(t *testing.T, url string) *scissors {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &scissors{listener: listener, to: strings.TrimPrefix(url, "http://")}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go s.join(client.(*net.TCPConn))
		}
	}()
	return s
}

func (s *scissors) join(client *net.TCPConn) {
	up, err := net.Dial("tcp", s.to)
	if err != nil {
		client.Close()
		return
	}
	server, left := up.(*net.TCPConn), new(atomic.Int64)
	left.Store(s.after.Load())
	cut := func() { // with a reset, as a killed peer or a lost route ends it
		for _, one := range []*net.TCPConn{client, server} {
			_ = one.SetLinger(0)
			_ = one.Close()
		}
	}
	defer cut()
	ended := make(chan struct{}, 2)
	carry := func(to, from *net.TCPConn) {
		_, _ = io.Copy(metered{to, left, s.after.Load() > 0}, from)
		ended <- struct{}{}
	}
	go carry(server, client)
	go carry(client, server)
	<-ended
}

// metered writes only what is left to be written.
type metered struct {
	to   io.Writer
	left *atomic.Int64
	on   bool
}

func (m metered) Write(p []byte) (int, error) {
	if !m.on {
		return m.to.Write(p)
	}
	room := m.left.Add(-int64(len(p)))
	if room >= 0 {
		return m.to.Write(p)
	}
	n, _ := m.to.Write(p[:max(0, int64(len(p))+room)])
	return n, errors.New("cut")
}

// shaky sends a request through the scissors; ok is false when the answer did
// not arrive whole.
func shaky(s *scissors, method, path, mediaType, body string) (status int, answer []byte, ok bool) {
	request, err := http.NewRequest(method, "http://"+s.listener.Addr().String()+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, false
	}
	request.Header.Set("Authorization", "Bearer "+testToken)
	request.Header.Set("Content-Type", mediaType)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, false
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err == nil
}

// A tool on a line that breaks anywhere: in every request and every answer, in
// the middle of a stream, in the middle of a restore. It goes on as a tool
// would, or is never heard of again. Readers and writers never stop.
func TestACutAnywhereLosesNothing(t *testing.T) {
	rounds := 24
	if testing.Short() {
		rounds = 12
	}
	for _, c := range []container{containers()[0], containers()[3]} {
		t.Run(c.name, func(t *testing.T) {
			reg := NewRegistry()
			b, err := c.make(reg)
			if err != nil {
				t.Fatal(err)
			}
			medic := serve(t, reg)
			able := []string{strategySwap, strategyDelete, strategyEvict}
			if c.name == "map" {
				able = strategies
			}
			crowd := gather(b, c.stable)
			defer crowd.disperse(t)
			tool := &shakyTool{t: t, medic: medic, line: newScissors(t, medic.url), random: rand.New(rand.NewSource(11))}
			for i := 0; i < rounds && !t.Failed(); i++ {
				crowd.phase.Add(1)
				tool.once(able[i%len(able)], i%6 == 5)
				crowd.phase.Add(1)
			}
			if tool.cuts < rounds || tool.restores < rounds/6 || tool.lostTools == 0 {
				t.Errorf("too little happened: %d cuts, %d restores, %d tools lost", tool.cuts, tool.restores, tool.lostTools)
			}
			t.Logf("%d cuts, %d restores, %d tools lost", tool.cuts, tool.restores, tool.lostTools)
		})
	}
}

type shakyTool struct {
	t      *testing.T
	medic  *client
	line   *scissors
	random *rand.Rand

	cuts, restores, lostTools int
}

// try asks again until an answer arrives; each time the line is a little better.
func (s *shakyTool) try(method, path, mediaType, body string, most int) (int, []byte) {
	for ; ; most *= 2 {
		s.line.after.Store(1 + s.random.Int63n(int64(most)))
		if most > 1<<26 {
			s.line.after.Store(0)
		}
		status, answer, ok := shaky(s.line, method, path, mediaType, body)
		if ok {
			return status, answer
		}
		s.cuts++
	}
}

// once carries an operation to one of its ends; lost is a tool that is never
// heard of again, and only then the hold is short.
func (s *shakyTool) once(strategy string, lost bool) {
	hold := map[bool]string{true: "1", false: "60"}[lost]
	body := `{"map":"m","hold_seconds":` + hold + `,"strategy":"` + strategy + `"` + whereFor(strategy) + patient(strategy) + `}`
	status, answer := s.try("POST", "/debug/mapmedic/v1/operations", "application/json", body, 600)
	op := s.standing()
	switch {
	case lost && op == nil: // the hold is over already
	case op == nil || status != 201 && status != 409: // 409: an answer that was cut had begun it
		s.t.Errorf("%d %s, standing: %v", status, answer, op)
	case lost:
		s.lostTools++
	case s.random.Intn(4) == 0 || !s.backUpAndCommit(op):
		s.try("POST", path(op, "/undo"), "application/json", "", 600)
	}
	waitFor(s.t, "the operation to end", func() bool { return s.standing() == nil && occupied.Load() == nil })
}

// patient allows a copy under the lock all the time there is: the race
// detector and a busy machine must not decide what is tried.
func patient(strategy string) string {
	if strategy == strategyClear || strategy == strategyShrink {
		return `,"max_lock_hold_ms":1000`
	}
	return ""
}

// standing is the operation that is under way, asked for on a good line.
func (s *shakyTool) standing() map[string]any {
	_, all := s.medic.do("GET", "/debug/mapmedic/v1/operations", "")
	for _, op := range all["operations"].([]any) {
		if op := op.(map[string]any); op["state"] == stateDetached {
			return op
		}
	}
	return nil
}

// backUpAndCommit commits what it has a whole backup of, and restores it.
func (s *shakyTool) backUpAndCommit(op map[string]any) bool {
	backup := s.insist("GET", path(op, "/entries"), "application/json", "", 200+int(op["entries"].(float64))*70)
	_, end, err := readFrames(bytes.NewReader(backup))
	if err != nil || float64(end.Entries) != op["entries"] {
		s.t.Errorf("%v %+v", err, end)
		return false
	}
	s.try("POST", path(op, "/commit"), "application/json", `{"return_memory":false}`, 600)
	if _, now := s.medic.do("GET", path(op, ""), ""); now["state"] != stateCommitted {
		return false // the stream that was cut was not over yet
	}
	s.insist("POST", restorePath+"m", entriesMediaType, string(backup), len(backup))
	s.restores++
	return true
}

// insist also asks again while a request whose client has gone is still going on.
func (s *shakyTool) insist(method, path, mediaType, body string, size int) []byte {
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		status, answer := s.try(method, path, mediaType, body, size)
		if status == 200 {
			return answer
		}
		if status != 409 || time.Now().After(until) {
			s.t.Errorf("%s %s: %d %s", method, path, status, answer)
			return nil
		}
	}
}
