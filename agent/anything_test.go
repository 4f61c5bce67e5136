package agent

import (
	"bytes"
	"fmt"
	"math"
	"math/rand"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The types of real caches, and the content that breaks careless formats.
type (
	tenantKey struct {
		Tenant string
		shard  uint8
		ratio  float64
	}
	cart struct {
		mu     sync.Mutex
		Items  []string
		counts [2]int64
		total  *float64
		notes  [][]byte
		parent *cart
		hits   atomic.Uint32
		Any    any
		_      [8]byte
	}
	member struct {
		cart
		id      uint64
		seen    time.Time
		expires *time.Time
		from    netip.Addr
		nested  struct{ a, B complex64 }
		maybe   **int32
		kids    []member
		lock    sync.RWMutex
	}
	level   int8
	shape   interface{ area() float64 }
	square  struct{ side float64 }
	circle  struct{ r *float32 }
	shapely map[string]shape
)

func (s square) area() float64  { return s.side * s.side }
func (c *circle) area() float64 { return float64(*c.r) }

// worlds are the maps that are tried; each also with random types.
var worlds = []any{
	map[string]string{}, map[float64]float32{}, map[tenantKey]*member{}, map[[2]string][]byte{}, map[level]member{},
	map[complex128][]*cart{}, map[any]any{}, map[time.Time]time.Duration{}, map[netip.AddrPort]netip.Prefix{},
	map[bool]*[3]*level{}, map[uint64][0]int{}, map[struct{}]*any{}, shapely{}, map[[3]any]map[string]int{}, map[string]chan int{},
}

// Whatever the types: what a stream says it carries is restored as it was, and
// what it leaves out is counted. The rest is refused before anything happens.
func TestAnythingRestoredIsWhatItWas(t *testing.T) {
	carried := 0
	for seed := int64(1); seed <= 150; seed++ {
		g := &generator{Rand: rand.New(rand.NewSource(seed))}
		of := reflect.MapOf(g.keyType(3), g.anyType(3))
		if n := int(seed) - 1; n < 2*len(worlds) {
			of = reflect.TypeOf(worlds[n/2])
		}
		if !t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { carried += roundTripOf(t, of.String(), g, of) }) {
			return
		}
	}
	if carried < 1500 {
		t.Errorf("only %d entries were restored: the generator makes too little that can be", carried)
	}
	t.Logf("%d entries restored", carried)
}

func roundTripOf(t *testing.T, story string, g *generator, of reflect.Type) (restored int) {
	live := reflect.New(of).Elem()
	live.Set(reflect.MakeMap(of))
	for n := g.Intn(60); n >= 0; n-- {
		key, value := reflect.New(of.Key()).Elem(), reflect.New(of.Elem()).Elem()
		g.fill(key, 4)
		g.fill(value, 4)
		live.SetMapIndex(key, value)
	}
	before := reflect.New(of).Elem()
	before.Set(live)
	reg := NewRegistry()
	if err := reg.add("m", newMapTarget(live, new(sync.Mutex)), 0); err != nil {
		t.Fatal(err)
	}
	medic := serve(t, reg)
	op := medic.detach("m")
	status, stream := medic.raw("GET", path(op, "/entries"), "")
	if trip := checkRoundTrip(types{of, of.Key(), of.Elem()}); !trip.Lossless {
		if status != 422 {
			t.Errorf("%s: %d for %v", story, status, trip.Losses)
		}
		medic.end(op, "/undo")
		return 0
	}
	frames, end, err := readFrames(strings.NewReader(stream))
	medic.end(op, "/commit")
	status, done := medic.restore("m", stream)
	if err != nil || status != 200 || end.Entries+end.Unencodable != before.Len() || done["restored"] != float64(end.Entries) || live.Len() != end.Entries {
		t.Errorf("%s: %d %v, %d in the map, %+v %v", story, status, done, live.Len(), end, err)
		return 0
	}
	if missing := unmatched(live, before); missing != "" {
		t.Errorf("%s: invented: %s", story, missing)
	}
	if end.Unencodable > 0 && !strings.Contains(stream, `"first_unencodable":"`) {
		t.Errorf("%s: left out and not named", story)
	}
	mangled(t, g, medic, live, frames)
	return end.Entries
}

// mangled changes bytes of entries and signs them anew: any answer will do but
// a failure, and a refusal must not have inserted anything.
func mangled(t *testing.T, g *generator, medic *client, live reflect.Value, frames []string) {
	if len(frames) == 0 {
		return
	}
	for i := 0; i < 5; i++ {
		was := live.Len()
		text := []byte(frames[g.Intn(len(frames))])
		text[g.Intn(len(text))] = `0"\{[,]}:nullx-`[g.Intn(15)]
		status, answer := medic.restore("m", framed(frames[0], string(text)))
		if status != 200 && status != 400 && status != 413 && status != 422 || status != 200 && live.Len() != was {
			t.Errorf("%q: %d %v, %d entries of %d", text, status, answer, live.Len(), was)
		}
	}
}

// unmatched finds an entry of one map for which the other has none of its own.
func unmatched(of, in reflect.Value) string {
	var left [][2]reflect.Value
	for cursor := in.MapRange(); cursor.Next(); {
		left = append(left, [2]reflect.Value{copyOf(cursor.Key()), copyOf(cursor.Value())})
	}
next:
	for cursor := of.MapRange(); cursor.Next(); {
		k, v := copyOf(cursor.Key()), copyOf(cursor.Value())
		for i := range left {
			if alike(k, left[i][0]) && alike(v, left[i][1]) {
				left = append(left[:i], left[i+1:]...)
				continue next
			}
		}
		return fmt.Sprintf("%#v: %#v", cursor.Key(), cursor.Value())
	}
	return ""
}

func copyOf(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}

// alike is reflect.DeepEqual but for NaN, which is like NaN, for -0.0, which is
// not like 0.0, for times, of which instant and offset count, and for locks.
func alike(a, b reflect.Value) bool {
	switch t := a.Type(); {
	case t == mutexType || t == rwMutexType:
		return true
	case t == timeType:
		x, y := a.Addr().Interface().(*time.Time), b.Addr().Interface().(*time.Time)
		_, xo := x.Zone()
		_, yo := y.Zone()
		return x.Equal(*y) && xo == yo
	case t == addrType:
		return a.Interface() == b.Interface()
	}
	switch a.Kind() {
	case reflect.Float32, reflect.Float64:
		x, y := a.Float(), b.Float()
		return math.Float64bits(x) == math.Float64bits(y) || x != x && y != y
	case reflect.Complex64, reflect.Complex128:
		x, y := a.Complex(), b.Complex()
		return alike(addressable(real(x)), addressable(real(y))) && alike(addressable(imag(x)), addressable(imag(y)))
	case reflect.Pointer:
		return a.IsNil() == b.IsNil() && (a.IsNil() || alike(a.Elem(), b.Elem()))
	case reflect.Interface:
		return a.IsNil() == b.IsNil() && (a.IsNil() || a.Elem().Type() == b.Elem().Type() && alike(copyOf(a.Elem()), copyOf(b.Elem())))
	case reflect.Slice, reflect.Array:
		if a.Len() != b.Len() || a.Kind() == reflect.Slice && a.IsNil() != b.IsNil() {
			return false
		}
		for i := 0; i < a.Len(); i++ {
			if !alike(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Struct:
		for i := 0; i < a.NumField(); i++ {
			if a.Type().Field(i).Name != "_" && !alike(reachable(a.Field(i)), reachable(b.Field(i))) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

func addressable(f float64) reflect.Value { return reflect.ValueOf(&f).Elem() }

// generator makes types and values.
type generator struct{ *rand.Rand }

var leaves = []any{"", 0, int8(0), uint64(0), 0.0, float32(0), 0i, false, uintptr(0), level(0), time.Time{}, time.Duration(0), netip.Addr{}, struct{}{}}

func (g *generator) keyType(depth int) reflect.Type {
	switch g.Intn(8) {
	case 0:
		if depth > 0 {
			return reflect.ArrayOf(g.Intn(3), g.keyType(depth-1))
		}
	case 1:
		if depth > 0 {
			return g.structOf(func() reflect.Type { return g.keyType(depth - 1) })
		}
	case 2:
		return reflect.TypeOf((*any)(nil)).Elem()
	}
	return reflect.TypeOf(leaves[g.Intn(len(leaves))])
}

func (g *generator) anyType(depth int) reflect.Type {
	if depth == 0 || g.Intn(4) == 0 {
		return g.keyType(0)
	}
	inner := func() reflect.Type { return g.anyType(depth - 1) }
	switch g.Intn(9) {
	case 0, 1:
		return reflect.SliceOf(inner())
	case 2, 3:
		return reflect.PointerTo(inner())
	case 4:
		return reflect.ArrayOf(g.Intn(4), inner())
	case 5, 6:
		return g.structOf(inner)
	case 7:
		return reflect.TypeOf((*any)(nil)).Elem()
	}
	return reflect.TypeOf([]any{member{}, cart{}, node{}, listOfItself{}, make(chan int)}[g.Intn(100)%5])
}

func (g *generator) structOf(inner func() reflect.Type) reflect.Type {
	var fields []reflect.StructField
	for i := g.Intn(4); i >= 0; i-- {
		f := reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: inner()}
		if g.Intn(2) == 0 {
			f.Name, f.PkgPath = fmt.Sprintf("f%d", i), "agent"
		}
		fields = append(fields, f)
	}
	return reflect.StructOf(fields)
}

var (
	oddTexts  = []string{"", "\x00", "a\x00b", "\xff\xfe", "\u2028<&>\"\\", "日本語", "\xed\xa0\x80", "\ufffd", "\\ud800", strings.Repeat("é", 300), "{\"to\":null}", "null"}
	oddFloats = []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64, 1 << 53, 1<<53 + 2, 0.1, -1e21, math.MaxFloat32}
	oddInts   = []int64{0, -1, math.MaxInt64, math.MinInt64, 1<<53 + 1, -(1<<53 + 1), 127}
	oddTimes  = []time.Time{{}, time.Unix(1<<33, 999999999).UTC(), time.Unix(0, 1).In(time.FixedZone("x", -5*3600-30*60)), time.Now(), time.Now().UTC(),
		time.Date(9999, 12, 31, 23, 59, 59, 1, time.UTC), time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(1, 0).In(time.FixedZone("LMT", 1234))}
	oddAddrs = []netip.Addr{{}, netip.MustParseAddr("::"), netip.MustParseAddr("::ffff:1.2.3.4%z"), netip.MustParseAddr("fe80::1%e\x00\xff%"), netip.IPv4Unspecified()}
)

func (g *generator) fill(v reflect.Value, depth int) {
	switch t := v.Type(); {
	case t == mutexType || t == rwMutexType:
		return
	case t == timeType:
		v.Set(reflect.ValueOf(oddTimes[g.Intn(len(oddTimes))]))
		return
	case t == addrType:
		v.Set(reflect.ValueOf(oddAddrs[g.Intn(len(oddAddrs))]))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(g.Intn(2) == 0)
	case reflect.String:
		raw := make([]byte, g.Intn(12))
		g.Read(raw)
		v.SetString(append(oddTexts, string(raw))[g.Intn(len(oddTexts)+1)])
	case reflect.Float32, reflect.Float64:
		v.SetFloat(append(oddFloats, g.NormFloat64())[g.Intn(len(oddFloats)+1)])
	case reflect.Complex64, reflect.Complex128:
		v.SetComplex(complex(oddFloats[g.Intn(len(oddFloats))], oddFloats[g.Intn(len(oddFloats))]))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(append(oddInts, int64(g.Uint64()))[g.Intn(len(oddInts)+1)])
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(uint64(append(oddInts, int64(g.Uint64()))[g.Intn(len(oddInts)+1)]))
	case reflect.Chan:
		v.Set(reflect.MakeChan(v.Type(), 0))
	case reflect.Array:
		for i := 0; i < v.Len(); i++ {
			g.fill(v.Index(i), depth)
		}
	case reflect.Struct:
		for i := 0; i < v.NumField(); i++ {
			g.fill(reachable(v.Field(i)), depth-1)
		}
	default:
		if depth > 0 && g.Intn(4) > 0 {
			g.reference(v, depth-1)
		}
	}
}

func (g *generator) reference(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Pointer:
		to := reflect.New(v.Type().Elem())
		g.fill(to.Elem(), depth)
		v.Set(to.Convert(v.Type()))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), g.Intn(4), 5))
		for i := 0; i < v.Len(); i++ {
			g.fill(v.Index(i), depth)
		}
	case reflect.Interface:
		candidates := []any{0, "", 1.5, level(3), [2]string{}, square{}, tenantKey{}, time.Time{}, netip.Addr{}}
		if v.NumMethod() > 0 {
			candidates = []any{square{}, &circle{new(float32)}}
		}
		to := copyOf(reflect.ValueOf(candidates[g.Intn(len(candidates))]))
		if to.Kind() != reflect.Pointer {
			g.fill(to, depth)
		}
		v.Set(to)
	}
}

// The comparison itself must tell things apart.
func TestAlikeCanFail(t *testing.T) {
	null, zero := (*int)(nil), 0
	for _, pair := range [][2]any{{0.0, math.Copysign(0, -1)}, {[]int(nil), []int{}}, {&zero, null}, {new(*int), (**int)(nil)}, {"\xff", "\ufffd"},
		{time.Unix(0, 0).UTC(), time.Unix(0, 0).In(time.FixedZone("", 60))}, {[]any{int8(1)}, []any{1}}, {hidden{name: "a"}, hidden{name: "b"}}} {
		if alike(copyOf(reflect.ValueOf(pair[0])), copyOf(reflect.ValueOf(pair[1]))) {
			t.Errorf("%#v is taken for %#v", pair[0], pair[1])
		}
	}
	if !bytes.Equal(nil, []byte{}) || !alike(addressable(math.NaN()), addressable(math.NaN())) {
		t.Error("NaN is not like NaN")
	}
}
