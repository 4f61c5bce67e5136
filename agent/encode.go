package agent

import (
	"math"
	"reflect"
	"strconv"
)

const (
	// maxFrame bounds one entry on the wire; a larger one counts as unencodable.
	maxFrame = 8 << 20
	// maxValueDepth bounds the recursion into one value.
	maxValueDepth = 100
)

// encoder writes values as JSON without calling any of their methods: a
// MarshalJSON or String of the service's own could lock, block or panic.
// It also reads no map inside a value, see opaque.
type encoder struct {
	lossy bool // write what cannot be restored as null, instead of giving up on the entry
	buf   []byte
	limit int // len(buf) must not pass it
	path  []reflect.Type
	inKey bool
}

// giveUp is what value panics with when an entry cannot be written; it says why.
type giveUp string

// entry appends {"k":key,"v":value}, or appends nothing and returns why.
func (e *encoder) entry(key, value reflect.Value) (why string) {
	start := len(e.buf)
	e.limit, e.path = start+maxFrame, e.path[:0]
	defer func() {
		// A value that another goroutine is changing can be torn: reading it
		// may fault, which SetPanicOnFault has turned into a panic.
		if p := recover(); p != nil {
			e.buf, why = e.buf[:start], "it could not be read"
			if said, known := p.(giveUp); known {
				why = string(said)
			}
		}
	}()
	e.text(`{"k":`)
	e.inKey = true
	e.value(key)
	e.inKey = false
	e.text(`,"v":`)
	e.value(value)
	e.text(`}`)
	return ""
}

const overFrame giveUp = "it takes more than 8 MiB"

func (e *encoder) text(s string) {
	if len(e.buf)+len(s) > e.limit {
		panic(overFrame)
	}
	e.buf = append(e.buf, s...)
}

// grown takes the buffer with a few bytes more, which had no string in between.
func (e *encoder) grown(buf []byte) {
	if len(buf) > e.limit {
		panic(overFrame)
	}
	e.buf = buf
}

func (e *encoder) value(v reflect.Value) {
	t := v.Type()
	switch {
	case len(e.path) > maxValueDepth:
		panic(giveUp("it holds a cycle or is nested deeper than 100"))
	case t.Kind() == reflect.Interface:
		e.dynamic(v)
		return
	case opaque(t) != "":
		e.lost(sentence("entry", t, opaque(t)))
		return
	case e.lossy && t.Name() != "" && onPath(e.path, t):
		e.text("null")
		return
	case e.special(v):
		return
	}
	e.path = append(e.path, t)
	e.byKind(v)
	e.path = e.path[:len(e.path)-1]
}

// lost writes null where that was asked for; else the entry is not written.
func (e *encoder) lost(why string) {
	if !e.lossy {
		panic(giveUp(why))
	}
	e.text("null")
}

func (e *encoder) byKind(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		e.text(strconv.FormatBool(v.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.grown(strconv.AppendInt(e.buf, v.Int(), 10))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		e.grown(strconv.AppendUint(e.buf, v.Uint(), 10))
	case reflect.Float32, reflect.Float64:
		e.float(v.Float(), v.Type().Bits())
	case reflect.Complex64, reflect.Complex128:
		c, bits := v.Complex(), v.Type().Bits()/2
		e.text("[")
		e.float(real(c), bits)
		e.text(",")
		e.float(imag(c), bits)
		e.text("]")
	case reflect.String:
		e.str(v.String())
	case reflect.Pointer:
		e.pointer(v)
	case reflect.Slice, reflect.Array:
		e.list(v)
	case reflect.Struct:
		e.fields(v)
	default:
		e.text("null")
	}
}

// float writes what JSON has no number for as a string.
func (e *encoder) float(f float64, bits int) {
	switch {
	case math.IsNaN(f):
		e.text(`"NaN"`)
	case math.IsInf(f, 0):
		e.text(map[bool]string{true: `"+Inf"`, false: `"-Inf"`}[f > 0])
	case f == 0 && math.Signbit(f):
		e.text("-0.0")
	default:
		e.grown(strconv.AppendFloat(e.buf, f, 'g', -1, bits))
	}
}

func (e *encoder) pointer(v reflect.Value) {
	if v.IsNil() {
		e.text("null")
		return
	}
	if hidesNil(v.Type()) {
		e.text(`{"to":`)
		defer e.text("}")
	}
	e.value(v.Elem())
}

func (e *encoder) list(v reflect.Value) {
	if v.Kind() == reflect.Slice && v.IsNil() {
		e.text("null")
		return
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		e.bytes(v)
		return
	}
	e.text("[")
	for i, n := 0, v.Len(); i < n; i++ {
		if i > 0 {
			e.text(",")
		}
		e.value(v.Index(i))
	}
	e.text("]")
}

// fields uses Go's own field names: tags are for other readers.
func (e *encoder) fields(v reflect.Value) {
	t, wrote := v.Type(), false
	e.text("{")
	for i := 0; i < t.NumField(); i++ {
		name := t.Field(i).Name // once: it allocates
		if name == "_" {
			continue
		}
		if wrote {
			e.text(",")
		}
		wrote = true
		e.text(`"`)
		e.text(name)
		e.text(`":`)
		e.value(reachable(v.Field(i)))
	}
	e.text("}")
}
