package agent

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// everyRoute is each method and path the agent serves, and one it does not.
var everyRoute = [][2]string{
	{"GET", "/debug/mapmedic/v1/maps"},
	{"GET", "/debug/mapmedic/v1/stats"},
	{"POST", "/debug/mapmedic/v1/plan"},
	{"POST", "/debug/mapmedic/v1/restore"},
	{"GET", "/debug/mapmedic/v1/operations"},
	{"POST", "/debug/mapmedic/v1/operations"},
	{"GET", "/debug/mapmedic/v1/operations/x-1"},
	{"GET", "/debug/mapmedic/v1/operations/x-1/entries"},
	{"POST", "/debug/mapmedic/v1/operations/x-1/commit"},
	{"POST", "/debug/mapmedic/v1/operations/x-1/undo"},
	{"POST", "/debug/hotfix/clear-cache"},
	{"GET", "/debug/mapmedic/nothing/here"},
}

func TestNobodyComesInWithoutTheToken(t *testing.T) {
	headers := []struct {
		name   string
		values []string
		in     bool
	}{
		{"no header", nil, false},
		{"empty", []string{""}, false},
		{"scheme only", []string{"Bearer"}, false},
		{"scheme and space", []string{"Bearer "}, false},
		{"another token", []string{"Bearer wrong"}, false},
		{"a prefix of the token", []string{"Bearer " + testToken[:5]}, false},
		{"the token and more", []string{"Bearer " + testToken + "x"}, false},
		{"the token twice over", []string{"Bearer " + testToken, "Bearer " + testToken}, false},
		{"another scheme", []string{"Basic " + testToken}, false},
		{"the token alone", []string{testToken}, false},
		{"the token", []string{"Bearer " + testToken}, true},
		{"scheme in small letters", []string{"bearer " + testToken}, true},
	}
	handler := Handler(Options{Token: testToken, Registry: NewRegistry(), Logger: quiet()})
	for _, route := range everyRoute {
		for _, h := range headers {
			r := httptest.NewRequest(route[0], route[1], nil)
			r.Header["Authorization"] = h.values
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if refused := w.Code == 401; refused == h.in {
				t.Errorf("%s %s, %s: %d", route[0], route[1], h.name, w.Code)
			}
			if w.Code == 401 && (w.Header().Get("WWW-Authenticate") == "" || !strings.Contains(w.Body.String(), `"unauthorized"`)) {
				t.Errorf("%s %s, %s: %v %s", route[0], route[1], h.name, w.Header(), w.Body)
			}
		}
	}
}

func TestWithoutAConfiguredTokenNothingIsServed(t *testing.T) {
	handler := Handler(Options{Registry: NewRegistry(), Logger: quiet()})
	for _, route := range everyRoute {
		for _, given := range []string{"", "Bearer ", "Bearer x"} {
			r := httptest.NewRequest(route[0], route[1], nil)
			r.Header.Set("Authorization", given)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != 503 || !strings.Contains(w.Body.String(), `"no_token_configured"`) {
				t.Errorf("%s %s with %q: %d %s", route[0], route[1], given, w.Code, w.Body)
			}
		}
	}
}

func TestTheLogNamesWhoAndNeverTheToken(t *testing.T) {
	var log bytes.Buffer
	s := filled(3)
	reg := s.register(t, "m")
	medic := serveWith(t, Options{Token: testToken, Registry: reg, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	r, _ := http.NewRequest("POST", medic.url+"/debug/hotfix/clear-cache", nil)
	r.Header.Set("Authorization", "Bearer "+testToken)
	r.Header.Set("X-Mapmedic-Operator", "ada\u200b"+strings.Repeat("x", 500))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 200 {
		t.Fatal(response.Status)
	}
	text := log.String()
	for _, want := range []string{"detached", "committed", "remote=127.0.0.1", "operator=ada?xxx", "entries=3", "lock_hold="} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %q:\n%s", want, text)
		}
	}
	for _, never := range []string{testToken, "key-1", strings.Repeat("x", 200)} {
		if strings.Contains(text, never) {
			t.Errorf("the log contains %q", never)
		}
	}
}
