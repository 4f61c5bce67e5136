package agent

import (
	"encoding/json"
	"math"
	"net"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type plainStruct struct {
	Name string `json:"n"`
	At   time.Time
	IDs  []int64
	Blob []byte
	Key  [4]byte
	Next *struct{ X float64 }
}
type hidden struct {
	name    string
	expires time.Time
}
type node struct {
	V    int
	Next *node
}
type listOfItself []listOfItself
type locked struct {
	Mu sync.Mutex
	N  int
}
type shouting struct{ N int }

func (shouting) MarshalJSON() ([]byte, error) { panic("called") }
func (shouting) MarshalText() ([]byte, error) { panic("called") }
func (shouting) String() string               { panic("called") }
func (shouting) Error() string                { panic("called") }

func targetOf[K comparable, V any](m map[K]V) target {
	return newMapTarget(reflect.ValueOf(&m).Elem(), new(sync.Mutex))
}

func TestWhatSurvivesTheRoundTrip(t *testing.T) {
	type own time.Time
	type linked struct{ mu *sync.Mutex }
	cases := []struct {
		name            string
		of              target
		loss, condition string // "" for none
	}{
		{"numbers", targetOf(map[int64]float32{}), "", ""},
		{"plain struct", targetOf(map[[2]string]plainStruct{}), "", ""},
		{"pointer to struct", targetOf(map[string]*plainStruct{}), "", ""},
		{"own methods are not asked", targetOf(map[shouting]shouting{}), "", ""},
		{"empty struct", targetOf(map[string]struct{}{}), "", ""},
		{"unexported field", targetOf(map[string]hidden{}), "", ""},
		{"pointer to pointer", targetOf(map[string]**int{}), "", ""},
		{"addresses", targetOf(map[netip.AddrPort]netip.Prefix{}), "", ""},
		{"atomic numbers", targetOf(map[string]*struct{ n atomic.Int64 }{}), "", ""},
		{"nothing of a lock", targetOf(map[string]struct{ _ sync.Mutex }{}), "", ""},
		{"interface", targetOf(map[string]any{}), "", "value (interface {}): an interface"},
		{"interface key", targetOf(map[any]int{}), "", "key (interface {}): an interface"},
		{"lock", targetOf(map[string]*locked{}), "", "value.Mu (sync.Mutex): it is restored as a new lock"},
		{"linked list", targetOf(map[string]*node{}), "", "value.Next (agent.node): a type that leads back"},
		{"slice of itself", targetOf(map[string]listOfItself{}), "", "value[] (agent.listOfItself): a type that leads back"},
		{"time in a key", targetOf(map[struct{ at own }]int{}), "", "key.at (agent.own): keys compare the zone"},
		{"sync.Map", &syncTarget{new(sync.Map)}, "", "key (interface {}): an interface"},
		{"func", targetOf(map[string]func(){}), "value (func()): a func", ""},
		{"channel in a slice", targetOf(map[string][]chan int{}), "value[] (chan int): a channel", ""},
		{"map in the value", targetOf(map[string]map[string]int{}), "value (map[string]int): a map inside", ""},
		{"lock in a key", targetOf(map[locked]int{}), "key.Mu (sync.Mutex): a lock in a key", ""},
		{"pointer as key", targetOf(map[*int]int{}), "key (*int): a pointer in a key is an identity", ""},
		{"pointer in a key", targetOf(map[[2]struct{ p *int }]int{}), "key[].p (*int): a pointer in a key", ""},
		{"shared lock", targetOf(map[string]linked{}), "value.mu (*sync.Mutex): a pointer to a lock", ""},
		{"once", targetOf(map[string]*sync.Once{}), "value (sync.Once): its state is bound", ""},
		{"atomic value", targetOf(map[string]*atomic.Value{}), "value (atomic.Value): its state is bound", ""},
		{"atomic pointer", targetOf(map[string]*atomic.Pointer[int]{}), "value (atomic.Pointer[int]): its state is bound", ""},
		{"file", targetOf(map[string]*os.File{}), "value.file.pfd (poll.FD): a file", ""},
		{"connection", targetOf(map[string]*net.TCPConn{}), "value.conn.fd.pfd (poll.FD): a file", ""},
	}
	for _, c := range cases {
		trip := checkRoundTrip(c.of.types())
		if trip.Lossless != (c.loss == "") || (len(trip.Conditions) == 0) != (c.condition == "") && c.loss == "" {
			t.Errorf("%s: %+v", c.name, trip)
		}
		if !strings.HasPrefix(strings.Join(trip.Losses, "\n"), c.loss) {
			t.Errorf("%s: %v, want %q", c.name, trip.Losses, c.loss)
		}
		if !strings.HasPrefix(strings.Join(trip.Conditions, "\n"), c.condition) {
			t.Errorf("%s: %v, want %q", c.name, trip.Conditions, c.condition)
		}
	}
}

func TestTypesWithoutEndAreBounded(t *testing.T) {
	wide := reflect.TypeOf(0)
	for i := 0; i < 16; i++ { // 2 to the 16 paths
		wide = reflect.StructOf([]reflect.StructField{{Name: "A", Type: wide}, {Name: "B", Type: reflect.PointerTo(wide)}})
	}
	r := newRoundTrip()
	r.walk("value", wide)
	if len(r.Losses) == 0 || r.visits > 2*maxTypeVisits+100 {
		t.Errorf("%d losses, %d visits", len(r.Losses), r.visits)
	}
}

func encodeOne(v any, lossy bool) (text, why string) {
	holder := reflect.New(reflect.TypeOf(v)).Elem()
	holder.Set(reflect.ValueOf(v))
	e := encoder{lossy: lossy}
	why = e.entry(reflect.ValueOf("k"), holder)
	return strings.TrimSuffix(strings.TrimPrefix(string(e.buf), `{"k":"k","v":`), "}"), why
}

func TestHowValuesAreWritten(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("x", 3600))
	counted := &struct {
		n  atomic.Int64
		on atomic.Bool
	}{}
	counted.n.Store(-7)
	counted.on.Store(true)
	ring := &node{V: 1}
	ring.Next = ring
	endless := any(make(chan int))
	cases := []struct {
		value    any
		want     string
		wantLess string // with lossy, "" for the same
	}{
		{uint64(math.MaxUint64), "18446744073709551615", ""},
		{math.Inf(-1), `"-Inf"`, ""},
		{math.NaN(), `"NaN"`, ""},
		{math.Copysign(0, -1), `-0.0`, ""},
		{float32(0.1), `0.1`, ""},
		{complex(1, -2.5), `[1,-2.5]`, ""},
		{"<\"\n\u2028\x00>\x1f\t\\", "\"<\\\"\\n\u2028\\u0000>\\u001f\\u0009\\\\\"", ""},
		{"\xff", `{"base64":"/w=="}`, ""},
		{[]byte(nil), `null`, ""},
		{[]byte{}, `""`, ""},
		{[3]byte{1, 2, 3}, `"AQID"`, ""},
		{[]any{nil, 1, "x", []string{}}, `[null,{"type":"int","value":1},{"type":"string","value":"x"},{"type":"[]string","value":[]}]`, ""},
		{hidden{"a", at}, `{"name":"a","expires":"2026-01-02T03:04:05.000000006+01:00"}`, ""},
		{[]any{hidden{"a", at}}, `[{"type":"github.com/mapmedic/mapmedic/agent.hidden","value":{"name":"a","expires":"2026-01-02T03:04:05.000000006+01:00"}}]`, ""},
		{plainStruct{Name: "n"}, `{"Name":"n","At":"0001-01-01T00:00:00Z","IDs":null,"Blob":null,"Key":"AAAAAA==","Next":null}`, ""},
		{shouting{7}, `{"N":7}`, ""},
		{&locked{N: 2}, `{"Mu":null,"N":2}`, ""},
		{struct{ E error }{shouting{1}}, `{"E":{"type":"github.com/mapmedic/mapmedic/agent.shouting","value":{"N":1}}}`, ""},
		{new(*int), `{"to":null}`, ""},
		{(**int)(nil), `null`, ""},
		{[]any{(*int)(nil)}, `[{"type":"*int","value":null}]`, ""},
		{counted, `{"n":-7,"on":1}`, ""},
		{netip.MustParseAddr("fe80::1%eth0"), `"fe80::1%eth0"`, ""},
		{netip.AddrPort{}, `{"ip":"","port":0}`, ""},
		{&node{1, &node{2, nil}}, `{"V":1,"Next":{"V":2,"Next":null}}`, `{"V":1,"Next":null}`},
		{ring, ``, `{"V":1,"Next":null}`},
		{map[string]int{"a": 1}, ``, `null`},
		{make(chan int), ``, `null`},
		{[]any{endless}, ``, `[{"type":"chan int","value":null}]`},
	}
	for _, c := range cases {
		for _, lossy := range []bool{false, true} {
			want := c.want
			if lossy && c.wantLess != "" {
				want = c.wantLess
			}
			got, why := encodeOne(c.value, lossy)
			if got != want || (why != "") != (want == "") {
				t.Errorf("%T: %s %q, want %s", c.value, got, why, want)
			}
			if want != "" && !json.Valid([]byte(got)) {
				t.Errorf("%T: %s is not JSON", c.value, got)
			}
		}
	}
}

func TestEntriesTooLargeOrTooDeepAreCounted(t *testing.T) {
	deep := any(1)
	for i := 0; i < 1000; i++ {
		deep = []any{deep}
	}
	self := []any{nil}
	self[0] = self
	for name, v := range map[string]any{
		"long string": strings.Repeat("x", maxFrame), "escapes": strings.Repeat("\x00", maxFrame/5),
		"long slice": make([]int, maxFrame), "deep": deep, "a slice in itself": self,
		"endless": [1 << 40]struct{}{}, "far future": time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC),
		"zone of a day": time.Unix(0, 0).In(time.FixedZone("x", 24*3600)), "zone with seconds": time.Unix(0, 0).In(time.FixedZone("LMT", 1234)),
	} {
		if text, why := encodeOne(v, false); why == "" || text != "" {
			t.Errorf("%s: %v, %d bytes", name, why, len(text))
		}
	}
}

type namedByte byte

func TestBytesOfEveryKind(t *testing.T) {
	type inside struct {
		b [2]byte
		s []namedByte
	}
	for _, c := range []struct {
		value any
		want  string
	}{
		{inside{[2]byte{1, 2}, []namedByte{3}}, `{"b":"AQI=","s":"Aw=="}`},
		{[2]namedByte{1, 2}, `"AQI="`},
		{[]any{[2]byte{1, 2}, [1]namedByte{3}, inside{[2]byte{1, 2}, nil}}, `[{"type":"[2]uint8","value":"AQI="},` +
			`{"type":"[1]github.com/mapmedic/mapmedic/agent.namedByte","value":"Aw=="},` +
			`{"type":"github.com/mapmedic/mapmedic/agent.inside","value":{"b":"AQI=","s":null}}]`},
	} {
		if got, why := encodeOne(c.value, false); why != "" || got != c.want {
			t.Errorf("%s %v, want %s", got, why, c.want)
		}
	}
}
