package agent

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

func mustParse(t *testing.T, raw string) conditions {
	t.Helper()
	all, err := parseConditions([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

type claims struct{ Exp int64 }
type base struct{ Tenant string }
type account struct {
	*base
	lastSeen time.Time
	Claims   *claims
	Any      any
	ID       uint8
	Rate     float64
	Took     time.Duration
	mu       sync.Mutex
}
type compound struct{ tenant, id string }

// Which conditions fit which entries.
func TestConditions(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	full := &account{base: &base{"acme"}, lastSeen: now.Add(-time.Hour), Claims: &claims{999_999}, Any: map[string]int{}, ID: 200, Rate: 999_999.5}
	empty := &account{}
	cases := []struct {
		where      string
		key, value any // pointers to
		want       bool
	}{
		{`[{"on":"key","op":"prefix","value":"ab"}]`, ptr("abc"), ptr(1), true},
		{`[{"on":"key","op":"prefix","value":"abcd"}]`, ptr("abc"), ptr(1), false},
		{`[{"on":"key","op":"glob","value":"a*c?"}]`, ptr("a.b/\nc!"), ptr(1), true},
		{`[{"on":"key","op":"glob","value":"a*c"}]`, ptr("xabc"), ptr(1), false},
		{`[{"on":"key","op":"glob","value":"a.c"}]`, ptr("abc"), ptr(1), false},
		{`[{"on":"key","op":"regex","value":"b+$"}]`, ptr("abb"), ptr(1), true},
		{`[{"on":"key","op":"regex","value":"a"}]`, ptr(strings.Repeat("a", maxMatchBytes+1)), ptr(1), false},
		{`[{"on":"key","op":"equals","value":"abc"}]`, ptr("abc"), ptr(1), true},
		{`[{"on":"value","op":"equals","value":1}]`, ptr("abc"), ptr(1), true},
		{`[{"on":"value","op":"equals","value":2}]`, ptr("abc"), ptr(1), false},
		{`[{"on":"value","op":"equals","value":18446744073709551615}]`, ptr("abc"), ptr(^uint64(0)), true},
		{`[{"on":"key","field":"tenant","op":"equals","value":"t"}]`, ptr(compound{"t", "1"}), ptr(1), true},
		{`[{"on":"value","field":"Tenant","op":"equals","value":"acme"}]`, ptr("k"), &full, true},
		{`[{"on":"value","field":"Tenant","op":"equals","value":"acme"}]`, ptr("k"), &empty, false},
		{`[{"on":"value","field":"lastSeen","op":"older_than","seconds":3599}]`, ptr("k"), &full, true},
		{`[{"on":"value","field":"lastSeen","op":"older_than","seconds":3601}]`, ptr("k"), &full, false},
		{`[{"on":"value","field":"lastSeen","op":"older_than","seconds":1}]`, ptr("k"), &empty, false},
		{`[{"on":"value","field":"lastSeen","op":"expired"}]`, ptr("k"), &full, true},
		{`[{"on":"value","field":"Claims.Exp","op":"expired"}]`, ptr("k"), &full, true},
		{`[{"on":"value","field":"Claims.Exp","op":"expired"}]`, ptr("k"), &empty, false},
		{`[{"on":"value","field":"Rate","op":"expired"}]`, ptr("k"), &full, true},
		{`[{"on":"value","field":"Rate","op":"expired"}]`, ptr("k"), &empty, false},
		{`[{"on":"value","field":"ID","op":"equals","value":200}]`, ptr("k"), &full, true},
		{`[{"on":"value","field":"Any.Exp","op":"expired"}]`, ptr("k"), &full, false},
		{`[{"on":"value","field":"Exp","op":"expired"}]`, ptr("k"), ptr(any(claims{5})), true},
		{`[{"on":"value","field":"Exp","op":"prefix","value":"5"}]`, ptr("k"), ptr(any(claims{5})), false},
		{`[{"on":"value","field":"lastSeen","op":"expired"}]`, ptr("k"), ptr(any(struct{ lastSeen time.Time }{now.Add(-1)})), true},
		{`[{"on":"value","field":"Exp","op":"expired"}]`, ptr("k"), ptr(any(nil)), false},
		{`[{"on":"value","op":"prefix","value":"<int"}]`, ptr("k"), ptr(any(5)), false},
		{`[{"on":"value","op":"expired"}]`, ptr("k"), ptr(any(time.Duration(5))), false},
		{`[{"on":"value","field":"ID","op":"equals","value":200},{"on":"key","op":"prefix","value":"k"}]`, ptr("k"), &full, true},
		{`[{"on":"value","field":"ID","op":"equals","value":200},{"on":"key","op":"prefix","value":"x"}]`, ptr("k"), &full, false},
	}
	for _, c := range cases {
		key, value := reflect.ValueOf(c.key).Elem(), reflect.ValueOf(c.value).Elem()
		m, err := newMatcher(mustParse(t, c.where), types{nil, key.Type(), value.Type()}, now)
		if err != nil {
			t.Errorf("%s: %v", c.where, err)
			continue
		}
		if got := m.fits(key, value); got != c.want {
			t.Errorf("%s of %v, %v: %v", c.where, key, value, got)
		}
	}
}

func ptr[T any](v T) *T { return &v }

// What is refused before anything is touched, and with which words.
func TestConditionsThatAreRefused(t *testing.T) {
	of := types{nil, reflect.TypeOf(""), reflect.TypeOf(new(account))}
	cases := map[string]string{
		`{}`:                                     "a list of 1 to 8",
		`[]`:                                     "a list of 1 to 8",
		`null`:                                   "a list of 1 to 8",
		`[7]`:                                    "where[0]",
		`[{"on":"key"}]`:                         `"op" must be one of`,
		`[{"op":"prefix","value":"x"}]`:          `"on" must be`,
		`[{"on":"key","op":"melt","value":"x"}]`: `"op" must be one of`,
		`[{"on":"key","op":"prefix","value":""}]`:                                       "1 to 1024",
		`[{"on":"key","op":"prefix","value":7}]`:                                        "a string",
		`[{"on":"key","op":"prefix","value":"x","seconds":1}]`:                          `"seconds"`,
		`[{"on":"key","op":"prefix","value":"x","x":1}]`:                                "unknown field",
		`[{"on":"key","op":"prefix","op":"glob","value":"x"}]`:                          "twice",
		`[{"on":"key","op":"glob","value":"` + strings.Repeat("x", 257) + `"}]`:         "1 to 256",
		`[{"on":"key","op":"regex","value":"("}]`:                                       "RE2",
		`[{"on":"key","op":"regex","value":"` + strings.Repeat("x{900}", 30) + `"}]`:    "1000 steps",
		`[{"on":"key","op":"equals","value":1.5}]`:                                      "an integer, or a string",
		`[{"on":"key","op":"equals","value":1}]`:                                        "cannot be asked of a string",
		`[{"on":"key","op":"equals","value":null}]`:                                     "must not be null",
		`[{"on":"key","op":"expired"}]`:                                                 "cannot be asked of a string",
		`[{"on":"key","op":"expired","value":"x"}]`:                                     `takes no "value"`,
		`[{"on":"key","op":"older_than"}]`:                                              `"seconds"`,
		`[{"on":"key","op":"older_than","seconds":-1}]`:                                 `"seconds"`,
		`[{"on":"value","field":"Exp","op":"expired"}]`:                                 `has no field "Exp"; it has base, lastSeen, Claims`,
		`[{"on":"value","field":"Took","op":"expired"}]`:                                "time.Duration",
		`[{"on":"value","field":"mu.state","op":"expired"}]`:                            "has no fields",
		`[{"on":"value","field":"lastSeen.ext","op":"expired"}]`:                        "has no fields",
		`[{"on":"value","field":"a..b","op":"expired"}]`:                                "joined by dots",
		`[{"on":"value","field":"` + strings.Repeat("a.", 8) + `a","op":"expired"}]`:    "8 names",
		`[` + strings.Repeat(`{"on":"key","op":"prefix","value":"x"},`, 8) + `{}]`:      "1 to 8",
		`[{"on":"key","op":"prefix","value":"x"},{"on":"x","op":"prefix","value":"x"}]`: "where[1]",
	}
	for where, want := range cases {
		all, err := parseConditions([]byte(where))
		if err == nil {
			_, err = newMatcher(all, of, time.Now())
		}
		if err == nil || !strings.Contains(err.Error(), want) || toProblem(err).status != 400 {
			t.Errorf("%s: %v, want %q", where, err, want)
		}
	}
}

type session struct {
	TenantID string
	exp      int64
}

// The guide's cases, over HTTP: the tenant that went and the tokens that expired.
func TestEvictByTenantAndExpiry(t *testing.T) {
	var mu sync.RWMutex
	m, want := map[string]*session{}, map[string]*session{}
	past, future := time.Now().Add(-time.Hour).Unix(), time.Now().Add(time.Hour).Unix()
	for i := 0; i < 3000; i++ {
		one := &session{TenantID: fmt.Sprintf("t%d", i%3), exp: map[bool]int64{true: past, false: future}[i%2 == 0]}
		m[keyOf(i)], want[keyOf(i)] = one, one
	}
	reg := NewRegistry()
	if err := RegisterMapIn(reg, "m", &m, &mu); err != nil {
		t.Fatal(err)
	}
	medic := serve(t, reg)
	body := `{"map":"m","strategy":"evict","where":[{"on":"value","field":"TenantID","op":"equals","value":"t1"},{"on":"value","field":"exp","op":"expired"}]}`
	_, plan := medic.do("POST", "/debug/mapmedic/v1/plan", body)
	found := plan["matches"].(map[string]any)
	if found["scanned"] != 3000.0 || found["matched"] != 500.0 || found["complete"] != true || len(m) != 3000 {
		t.Fatalf("%v", plan)
	}
	op := medic.begin(body)
	if op["entries"] != 500.0 || op["scanned"] != 3000.0 || len(m) != 2500 || len(op["where"].([]any)) != 2 {
		t.Errorf("%v", op)
	}
	medic.end(op, "/undo")
	same(t, m, want)
	done := medic.end(medic.begin(body), "/commit")
	for k, one := range want {
		if one.TenantID == "t1" && one.exp == past {
			delete(want, k)
		}
	}
	if same(t, m, want); done["dropped"] != 500.0 || done["collected"] != true {
		t.Errorf("%v", done)
	}
}

// A sync.Map says its types only entry by entry; comparable or not, what does
// not fit stays and what fits returns.
func TestEvictFromASyncMap(t *testing.T) {
	var m sync.Map
	for i := 0; i < 300; i++ {
		m.Store(i, session{exp: 5})
		m.Store(keyOf(i), session{TenantID: "t"})
		m.Store(-1-i, struct {
			list []int
			exp  int
		}{nil, 7})
	}
	m.Store("nil", nil)
	reg := NewRegistry()
	if err := reg.RegisterSyncMap("m", &m); err != nil {
		t.Fatal(err)
	}
	medic := serve(t, reg)
	body := `{"map":"m","strategy":"evict","where":[{"on":"value","field":"exp","op":"expired"}]}`
	_, plan := medic.do("POST", "/debug/mapmedic/v1/plan", body)
	if found := plan["matches"].(map[string]any); found["matched"] != 600.0 || found["scanned"] != 901.0 {
		t.Errorf("%v", found)
	}
	op := medic.begin(body)
	left := 0
	m.Range(func(_, _ any) bool { left++; return true })
	if op["entries"] != 600.0 || left != 301 {
		t.Errorf("%d left, %v", left, op)
	}
	if done := medic.end(op, "/undo"); done["merged"] != 600.0 {
		t.Errorf("%v", done)
	}
}

// A value that changed after the look stays, comparable or not.
func TestEvictLeavesAValueThatChanged(t *testing.T) {
	all := mustParse(t, `[{"on":"value","field":"N","op":"equals","value":1}]`)
	matcher, err := newMatcher(all, (&syncTarget{}).types(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	type plain struct{ N int }
	type sliced struct {
		N int
		S []int
	}
	for _, c := range [][2]any{{plain{1}, plain{2}}, {sliced{N: 1}, sliced{N: 2}}} {
		var m sync.Map
		m.Store("k", c[1])
		target, d := &syncTarget{&m}, &detachedSync{from: &m}
		target.moveIfStill(syncPair{"k", c[0]}, task{matcher: matcher}, d)
		if v, _ := m.Load("k"); d.size != 0 || !reflect.DeepEqual(v, c[1]) {
			t.Errorf("%v: %v, %d moved", c, v, d.size)
		}
	}
}
