package agent

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

const testToken = "correct-horse"

// client talks to a real server that serves one registry.
type client struct {
	t   *testing.T
	url string
	reg *Registry

	mediaType string // of bodies
}

// serve starts a server and, at the end, waits until no operation is left over.
func serve(t *testing.T, reg *Registry) *client {
	t.Helper()
	return serveWith(t, Options{Token: testToken, Registry: reg, Logger: quiet()})
}

func serveWith(t *testing.T, o Options) *client {
	t.Helper()
	server := httptest.NewServer(Handler(o))
	t.Cleanup(func() {
		server.Close()
		finishAll(t, o.Registry)
	})
	return &client{t: t, url: server.URL, reg: o.Registry, mediaType: "application/json"}
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func finishAll(t *testing.T, reg *Registry) {
	if reg == nil {
		return
	}
	for _, op := range reg.desk.list() {
		waitFor(t, "the operation to end", func() bool {
			err := op.undo(stateUndone)
			return err == nil || op.view().FinishedAt != nil
		})
	}
}

func waitFor(t *testing.T, what string, ready func() bool) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if ready() {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("waited 20 s for %s", what)
		}
	}
}

// do sends a request with the token and decodes the JSON answer.
func (c *client) do(method, path, body string) (int, map[string]any) {
	c.t.Helper()
	status, raw := c.raw(method, path, body)
	var answer map[string]any
	if err := json.Unmarshal([]byte(raw), &answer); err != nil {
		c.t.Fatalf("%s %s: not JSON: %q", method, path, raw)
	}
	return status, answer
}

func (c *client) raw(method, path, body string) (int, string) {
	c.t.Helper()
	response := c.send(method, path, body)
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return response.StatusCode, string(raw)
}

func (c *client) send(method, path, body string) *http.Response {
	c.t.Helper()
	request, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+testToken)
	if body != "" {
		request.Header.Set("Content-Type", c.mediaType)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	return response
}

// detach begins an operation and returns it.
func (c *client) detach(name string) map[string]any {
	c.t.Helper()
	status, op := c.do("POST", "/debug/mapmedic/v1/operations", `{"map":"`+name+`","strategy":"swap"}`)
	if status != 201 {
		c.t.Fatalf("detach %s: %d %v", name, status, op)
	}
	return op
}

func path(op map[string]any, verb string) string {
	return "/debug/mapmedic/v1/operations/" + op["id"].(string) + verb
}

func code(answer map[string]any) string {
	if e, ok := answer["error"].(map[string]any); ok {
		return e["code"].(string)
	}
	return ""
}

// store is a service in miniature: a map and its lock.
type store struct {
	mu sync.RWMutex
	m  map[string]int
}

func filled(n int) *store {
	s := &store{m: make(map[string]int)}
	for i := 0; i < n; i++ {
		s.m[keyOf(i)] = i
	}
	return s
}

func (s *store) register(t *testing.T, name string) *Registry {
	t.Helper()
	reg := NewRegistry()
	if err := RegisterMapIn(reg, name, &s.m, &s.mu); err != nil {
		t.Fatal(err)
	}
	return reg
}

func (s *store) set(k string, v int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m[k] = v
}

func (s *store) copy() map[string]int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make(map[string]int, len(s.m))
	for k, v := range s.m {
		out[k] = v
	}
	return out
}
