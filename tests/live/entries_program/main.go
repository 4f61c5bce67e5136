// Command entries holds maps of every kind of key and value, prints what is in them and where they are as JSON, then READY, and
// stays until its standard input ends. What it says comes from package reflect: mapmedic's own reading is not used.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime"
	"time"
)

// Point is a key of several fields.
type Point struct {
	Tenant string
	X, Y   int32
}

// Session is a value with times in it.
type Session struct {
	ID       string
	LastSeen time.Time
	Created  int64 // unix seconds
	Left     time.Duration
	Hits     uint32
	Next     *Session
	Tags     []string
}

// Wide is too large for a slot.
type Wide struct {
	Name string
	Rest [23]uint64
}

// WideKey is too large for a slot, and can be compared.
type WideKey struct {
	Name string
	Rest [17]int64
}

// Named is a map type with a name.
type Named map[string]int8

type odd struct{ reason string }

func (o odd) Error() string { return o.reason }

// Holder holds the maps. It is larger than 512 bytes, so that the heap says what it is.
type Holder struct {
	Strings   map[string]int
	Sessions  map[string]*Session
	ByID      map[int64]string
	Bytes     map[uint8]bool
	Floats    map[float64]float32
	UUIDs     map[[16]byte]struct{}
	Points    map[Point]Point
	WideKeys  map[WideKey]int
	Wides     map[string]Wide
	Mixed     map[any]any
	Pointers  map[string]*int
	Chans     map[string]chan int
	Slices    map[string][]int
	Raw       map[string][]byte
	Errors    map[string]error
	Maps      map[string]map[string]int
	Complex   map[bool]complex128
	Durations map[time.Duration]time.Time
	Named     Named
	Cycles    map[string]*Session
	Empty     map[string]string
	Nil       map[string]string
	Growing   map[int]int
	Larger    map[string]string
	Thinned   map[int]string
	Arrays    map[[2]int16][3]string
	WidePtrs  map[string]*Wide
	Padding   [64]uintptr
}

var held *Holder

var now = time.Now()

func fill() {
	held = new(Holder)
	h := held
	one, two := 1, 2
	h.Strings = map[string]int{"a": 1, "b": -2, "": 0, "ünïcode \x1b[31m": 1 << 40}
	h.Sessions = map[string]*Session{}
	for i := 0; i < 5000; i++ {
		// Half of them were last seen within the hour; the rest two days ago.
		age := time.Duration(i) * time.Second / 2
		if i%2 == 1 {
			age = 48 * time.Hour
		}
		id := fmt.Sprintf("tenant-%d:session:%06d", i%4, i)
		h.Sessions[id] = &Session{
			ID: id, LastSeen: now.Add(-age).Round(0), Created: now.Add(-age - time.Hour).Unix(), Hits: uint32(i),
			Left: 90 * time.Second, Tags: []string{"x", "y"},
		}
	}
	h.ByID = map[int64]string{}
	for i := int64(0); i < 3000; i++ {
		h.ByID[i*10-1000] = fmt.Sprint(i)
	}
	h.Bytes = map[uint8]bool{0: true, 255: false}
	h.Floats = map[float64]float32{1.5: 0.1, -2e300: 3}
	h.UUIDs = map[[16]byte]struct{}{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255}: {}}
	h.Points = map[Point]Point{{"a", 1, 2}: {"b", -1, -2}}
	h.WideKeys = map[WideKey]int{{Name: "wide"}: 7, {Name: "wider", Rest: [17]int64{1}}: 8}
	h.Wides = map[string]Wide{"w": {Name: "value", Rest: [23]uint64{1, 2, 3}}}
	h.Mixed = map[any]any{"s": 1, 2: "two", 3.5: nil, Point{"p", 1, 1}: &two, true: []string{"z"}}
	h.Pointers = map[string]*int{"one": &one, "nil": nil}
	h.Chans = map[string]chan int{"c": make(chan int, 3), "none": nil}
	h.Chans["c"] <- 1
	h.Slices = map[string][]int{"three": {1, 2, 3}, "nil": nil, "many": make([]int, 20, 30)}
	h.Raw = map[string][]byte{"text": []byte("hello"), "bytes": {0, 1, 255}}
	h.Errors = map[string]error{"plain": errors.New("no"), "odd": odd{"why"}, "none": nil}
	h.Maps = map[string]map[string]int{"two": {"x": 1, "y": 2}, "nil": nil}
	h.Complex = map[bool]complex128{true: 1 + 2i}
	h.Durations = map[time.Duration]time.Time{
		0: {}, time.Hour: now, 1500 * time.Microsecond: now.Round(0), -time.Nanosecond: time.Unix(0, 1).UTC(),
	}
	h.Named = Named{"n": -128}
	loop := &Session{ID: "loop"}
	loop.Next = loop
	h.Cycles = map[string]*Session{"loop": loop}
	h.Empty = map[string]string{}
	h.Growing = map[int]int{}
	for i := 0; i < 6657; i++ { // one above the load of 1024 classic buckets: it has just begun to grow
		h.Growing[i] = -i
	}
	h.Larger = map[string]string{}
	for i := 0; i < 20000; i++ {
		h.Larger[fmt.Sprintf("key/%d/%d", i%7, i)] = fmt.Sprint(i)
	}
	h.Thinned = map[int]string{}
	for i := 0; i < 2000; i++ {
		h.Thinned[i] = fmt.Sprint(i)
	}
	for i := 0; i < 2000; i++ {
		if i%10 != 0 {
			delete(h.Thinned, i)
		}
	}
	h.Arrays = map[[2]int16][3]string{{1, -2}: {"x", "", "z"}}
	h.WidePtrs = map[string]*Wide{"p": {Name: "pointed"}}
}

// describe says a value as the tests expect it: what JSON has no word for is an object of names with a $.
func describe(v reflect.Value, depth int) any {
	switch v.Type() {
	case reflect.TypeOf(time.Time{}):
		t := v.Interface().(time.Time)
		text := t.UTC().Format(time.RFC3339Nano)
		if full := t.String(); len(full) > 0 {
			for i := range full {
				if i+3 < len(full) && full[i:i+3] == " m=" {
					text += full[i:]
				}
			}
		}
		return text
	case reflect.TypeOf(time.Duration(0)):
		return v.Interface().(time.Duration).String()
	}
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return v.Uint()
	case reflect.Float32:
		return float32(v.Float())
	case reflect.Float64:
		return v.Float()
	case reflect.Complex128:
		return fmt.Sprint(v.Complex())
	case reflect.String:
		return v.String()
	case reflect.Map:
		if v.IsNil() {
			return nil
		}
		return fmt.Sprintf("len %d", v.Len())
	case reflect.Chan:
		if v.IsNil() {
			return nil
		}
		return fmt.Sprintf("len %d, cap %d", v.Len(), v.Cap())
	}
	return describeParts(v, depth)
}

func describeParts(v reflect.Value, depth int) any {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		if depth > 0 && v.Elem().Kind() == reflect.Struct && v.Elem().FieldByName("Next").IsValid() &&
			v.Elem().FieldByName("Next").Pointer() == v.Pointer() {
			return map[string]any{"$cycle": true, "$pointer": fmt.Sprintf("0x%x", v.Pointer())}
		}
		return describe(v.Elem(), depth+1)
	case reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return map[string]any{"$type": v.Elem().Type().String(), "$value": describe(v.Elem(), depth)}
	case reflect.Struct:
		fields := map[string]any{}
		for i := 0; i < v.NumField(); i++ {
			fields[v.Type().Field(i).Name] = describe(v.Field(i), depth)
		}
		return fields
	case reflect.Array, reflect.Slice:
		return describeElements(v, depth)
	}
	return "?"
}

func describeElements(v reflect.Value, depth int) any {
	if v.Kind() == reflect.Slice && v.IsNil() {
		return nil
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		raw := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(raw), v)
		switch {
		case v.Kind() == reflect.Array && v.Len() == 16:
			return fmt.Sprintf("%x-%x-%x-%x-%x", raw[:4], raw[4:6], raw[6:8], raw[8:10], raw[10:])
		case raw[0] < ' ':
			return fmt.Sprintf("0x%x", raw)
		}
		return string(raw)
	}
	first := []any{}
	for i := 0; i < v.Len() && i < 8; i++ {
		first = append(first, describe(v.Index(i), depth))
	}
	if v.Kind() == reflect.Array && v.Len() <= 8 {
		return first
	}
	var capacity any
	if v.Kind() == reflect.Slice {
		capacity = v.Cap()
	}
	return map[string]any{"$length": v.Len(), "$capacity": capacity, "$first": first}
}

type truth struct {
	Type    string   `json:"type"`
	Key     string   `json:"key_type"`
	Value   string   `json:"value_type"`
	Entries int      `json:"entries"`
	Pairs   [][2]any `json:"pairs"`
}

func truths() map[string]truth {
	all := map[string]truth{}
	v := reflect.ValueOf(held).Elem()
	for i := 0; i < v.NumField(); i++ {
		m := v.Field(i)
		if m.Kind() != reflect.Map || m.IsNil() {
			continue
		}
		t := truth{
			Type: m.Type().String(), Key: m.Type().Key().String(), Value: m.Type().Elem().String(), Entries: m.Len(),
		}
		for it := m.MapRange(); it.Next(); {
			t.Pairs = append(t.Pairs, [2]any{describe(it.Key(), 0), describe(it.Value(), 0)})
		}
		all[v.Type().Field(i).Name] = t
	}
	return all
}

// syncs says what is in the sync.Map, which has been read, extended and thinned out.
func syncs() [][2]any {
	small.Store("a", 1)
	small.Store(2, "two")
	for i := 0; i < 10; i++ {
		small.Load("a")
	}
	small.Store("b", Point{"p", 1, 2})
	small.Delete(2)
	small.Store("nil", nil)
	pairs := [][2]any{}
	small.Range(func(k, v any) bool {
		pairs = append(pairs, [2]any{describe(reflect.ValueOf(&k).Elem(), 0), describe(reflect.ValueOf(&v).Elem(), 0)})
		return true
	})
	return pairs
}

// finalized is held beside an object: to what its finalizer captures nothing else leads.
var finalized = new([4]int)

func watchForTheEnd() {
	point, name := new(Point), []string{"held by a finalizer only"}
	runtime.SetFinalizer(finalized, func(*[4]int) { name = append(name, point.Tenant) })
}

func main() {
	fill()
	watchForTheEnd()
	out := bufio.NewWriter(os.Stdout)
	if err := json.NewEncoder(out).Encode(map[string]any{
		"maps": truths(), "paths": paths(), "syncs": syncs(),
	}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(70)
	}
	runtime.GC()
	fmt.Fprintln(out, "READY")
	out.Flush()
	_, _ = io.Copy(io.Discard, os.Stdin)
	runtime.KeepAlive(held)
}
