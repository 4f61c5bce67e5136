package agent

import (
	"bufio"
	"net/http"
	"os"
	"strings"
	"testing"
)

func TestRefusedRequests(t *testing.T) {
	s := filled(10)
	reg := s.register(t, "m")
	var none map[string]int
	if err := RegisterMapIn(reg, "none", &none, &s.mu); err != nil {
		t.Fatal(err)
	}
	medic := serve(t, reg)
	const base = "/debug/mapmedic/v1"
	cases := []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"POST", base + "/plan", ``, 400, "bad_request"},
		{"POST", base + "/plan", `[]`, 400, "bad_request"},
		{"POST", base + "/plan", `{`, 400, "bad_request"},
		{"POST", base + "/plan", `{}`, 400, "bad_request"},
		{"POST", base + "/plan", `null`, 400, "bad_request"},
		{"POST", base + "/plan", `{"map":"m"}`, 400, "bad_request"},
		{"POST", base + "/plan", `{"map":"m","strategy":"swap"} {}`, 400, "bad_request"},
		{"POST", base + "/plan", `{"map":"m","strategy":"swap","hold":1}`, 400, "bad_request"},
		{"POST", base + "/plan", `{"map":"m","MAP":"m","strategy":"swap"}`, 400, "bad_request"},
		{"POST", base + "/plan", `{"map":"m","map":"m","strategy":"swap"}`, 400, "bad_request"},
		{"POST", base + "/plan", `{"map":null,"strategy":"swap"}`, 400, "bad_request"},
		{"POST", base + "/plan", `{"map":7,"strategy":"swap"}`, 400, "bad_request"},
		{"POST", base + "/plan", "{\"map\":\"\xff\",\"strategy\":\"swap\"}", 400, "bad_request"},
		{"POST", base + "/plan", `{"map":"x","strategy":"swap"}`, 404, "unknown_map"},
		{"POST", base + "/plan", `{"map":"m","strategy":"melt"}`, 422, "strategy_not_supported"},
		{"POST", base + "/plan", `{"map":"m","strategy":"evict"}`, 400, "bad_request"},
		{"POST", base + "/plan", `{"map":"m","strategy":"swap","where":[{"on":"key","op":"prefix","value":"a"}]}`, 400, "bad_request"},
		{"POST", base + "/plan", `{"map":"m","strategy":"evict","where":[{"on":"key","field":"x","op":"prefix","value":"a"}]}`, 400, "has no fields"},
		{"POST", base + "/operations", `{"map":"none","strategy":"evict","where":[{"on":"key","op":"prefix","value":"a"}]}`, 422, "strategy_not_supported"},
		{"POST", base + "/operations", `{"map":"m","strategy":"shrink","max_lock_hold_ms":0}`, 400, "bad_request"},
		{"POST", base + "/operations", `{"map":"m","strategy":"shrink","max_lock_hold_ms":1001}`, 400, "bad_request"},
		{"POST", base + "/operations", `{"map":"none","strategy":"swap"}`, 422, "strategy_not_supported"},
		{"POST", base + "/operations", `{"map":"m","strategy":"swap","hold_seconds":0}`, 400, "bad_request"},
		{"POST", base + "/operations", `{"map":"m","strategy":"swap","hold_seconds":601}`, 400, "bad_request"},
		{"POST", base + "/operations", `{"map":"m","strategy":"swap","hold_seconds":1.5}`, 400, "bad_request"},
		{"POST", base + "/operations", `{"map":"m","strategy":"swap","hold_seconds":1e300}`, 400, "bad_request"},
		{"POST", base + "/operations", `{"map":"m","strategy":"swap","hold_seconds":"9"}`, 400, "bad_request"},
		{"POST", base + "/operations", `{"map":"` + strings.Repeat("x", maxBodyBytes) + `"}`, 413, "body_too_large"},
		{"POST", base + "/operations/none-1/undo", ``, 404, "unknown_operation"},
		{"POST", base + "/operations/none-1/undo", `{"x":1}`, 400, "bad_request"},
		{"POST", base + "/operations/none-1/commit", `{"return_memory":1}`, 400, "bad_request"},
		{"GET", base + "/operations/none-1/entries", ``, 404, "unknown_operation"},
		{"GET", base + "/operations/none-1", ``, 404, "unknown_operation"},
		{"GET", base + "/operations/", ``, 404, "not_found"},
		{"GET", base + "/operations/x/", ``, 404, "not_found"},
		{"GET", base + "/operations/x/y/z", ``, 404, "not_found"},
		{"GET", base + "/mapss", ``, 404, "not_found"},
		{"GET", "/debug/hotfix/", ``, 404, "not_found"},
		{"POST", "/debug/hotfix/clear-cache", ``, 404, "unknown_map"}, // two maps: which one?
		{"POST", "/debug/hotfix/clear-cache", `{"map":""}`, 400, "bad_request"},
		{"POST", "/debug/hotfix/clear-cache", `{"map":7}`, 400, "bad_request"},
		{"POST", base + "/maps", ``, 405, "method_not_allowed"},
		{"HEAD", base + "/plan", ``, 405, ""},
		{"DELETE", base + "/operations", ``, 405, "method_not_allowed"},
	}
	for _, c := range cases {
		status, raw := medic.raw(c.method, c.path, c.body)
		if status != c.status || !strings.Contains(raw, c.code) {
			t.Errorf("%s %s %.60s: %d %s, want %d %s", c.method, c.path, c.body, status, raw, c.status, c.code)
		}
		if c.code != "" && !strings.Contains(raw, `"next":"`) {
			t.Errorf("%s %s: no next step in %s", c.method, c.path, raw)
		}
	}
	if len(s.copy()) != 10 {
		t.Error("a refused request changed the map")
	}
}

func TestAllowNamesTheMethods(t *testing.T) {
	medic := serve(t, NewRegistry())
	response := medic.send("PATCH", "/debug/mapmedic/v1/operations", "")
	response.Body.Close()
	if got := response.Header.Get("Allow"); got != "GET, POST" {
		t.Errorf("Allow: %q", got)
	}
}

func TestABodyMustSayThatItIsJSON(t *testing.T) {
	medic := serve(t, NewRegistry())
	for _, kind := range []string{"", "text/plain", "application/jsonx", "application/json; ="} {
		r, _ := http.NewRequest("POST", medic.url+"/debug/mapmedic/v1/plan", strings.NewReader(`{}`))
		r.Header.Set("Authorization", "Bearer "+testToken)
		r.Header.Set("Content-Type", kind)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != 415 {
			t.Errorf("%q: %s", kind, response.Status)
		}
	}
}

// The reference must name every path that is served, and no other.
func TestTheReferenceListsTheRoutes(t *testing.T) {
	file, err := os.Open("../docs/reference/agent-api.yaml")
	if os.IsNotExist(err) {
		t.Skip("the module was taken without its documentation")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s := Handler(Options{Token: testToken}).(*server)
	documented, served := map[string]bool{}, ""
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := strings.TrimRight(lines.Text(), ":")
		switch {
		case strings.HasPrefix(line, "  /debug/"):
			served = strings.TrimSpace(strings.ReplaceAll(line, "{id}", "x-1"))
			if routes, _ := s.find(served); routes == nil {
				t.Errorf("%s is documented and not served", served)
			}
		case line == "    get" || line == "    post":
			documented[strings.ToUpper(strings.TrimSpace(line))+" "+served] = true
		}
	}
	for _, route := range everyRoute {
		routes, _ := s.find(route[1])
		if routes != nil && !documented[route[0]+" "+route[1]] {
			t.Errorf("%v is served and not documented", route)
		}
	}
	if len(documented) != len(everyRoute)-1 {
		t.Errorf("%d routes documented, %d served", len(documented), len(everyRoute)-1)
	}
}

func FuzzBodies(f *testing.F) {
	for _, seed := range []string{``, `{}`, `{"map":"m","strategy":"swap","hold_seconds":1}`, `{"return_memory":false}`,
		`{"map":"m","strategy":"evict","where":[{"on":"value","op":"equals","value":1}]}`, `{"map":"m","strategy":"shrink"}`,
		`{"map":"m","strategy":"evict","where":[{"on":"key","op":"regex","value":"^k"},{"on":"key","op":"glob","value":"*"}]}`, `[[[[`, `{"map":"\ud800"}`, "\xff"} {
		f.Add(seed, uint8(len(seed)))
	}
	f.Fuzz(func(t *testing.T, body string, which uint8) {
		s := filled(3)
		reg := NewRegistry()
		if err := RegisterMapIn(reg, "m", &s.m, &s.mu); err != nil {
			t.Fatal(err)
		}
		handler := Handler(Options{Token: testToken, Registry: reg, Logger: quiet()})
		route := everyRoute[int(which)%len(everyRoute)]
		w := request(handler, route[0], route[1], body)
		if w.Code >= 500 {
			t.Fatalf("%v %q: %d %s", route, body, w.Code, w.Body)
		}
		finishAll(t, reg)
		if n := len(s.copy()); n != 3 && !strings.Contains(w.Body.String(), `"committed"`) {
			t.Fatalf("%v %q: %d entries left", route, body, n)
		}
	})
}
