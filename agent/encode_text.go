package agent

import (
	"encoding/base64"
	"reflect"
	"slices"
	"unicode/utf8"
)

// str writes a string that is not UTF-8 as {"base64":"..."}: replacing its
// bytes would turn two keys into one.
func (e *encoder) str(s string) {
	if len(e.buf)+len(s) > e.limit {
		panic(overFrame)
	}
	if !utf8.ValidString(s) {
		e.text(`{"base64":"`)
		e.base64([]byte(s))
		e.text(`"}`)
		return
	}
	e.text(`"`)
	e.escaped(s)
	e.text(`"`)
}

// escaped writes straight into the buffer. json.Marshal would leave 4 bytes of
// garbage for each byte of a page of HTML, and 15 for control characters.
func (e *encoder) escaped(s string) {
	from := 0
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			e.text(s[from:i])
			e.escape(c)
			from = i + 1
		}
	}
	e.text(s[from:])
}

func (e *encoder) escape(c byte) {
	const hex = "0123456789abcdef"
	switch c {
	case '"':
		e.text(`\"`)
	case '\\':
		e.text(`\\`)
	case '\n':
		e.text(`\n`)
	default:
		e.text(`\u00`)
		e.text(hex[c>>4 : c>>4+1])
		e.text(hex[c&15 : c&15+1])
	}
}

// bytes writes []byte and [N]byte as base64.
func (e *encoder) bytes(v reflect.Value) {
	if len(e.buf)+v.Len() > e.limit {
		panic(overFrame)
	}
	e.text(`"`)
	e.base64(v.Bytes())
	e.text(`"`)
}

// base64 encodes in place: three copies of every value, as strings, would
// double the memory of a service that has none to spare before the GC comes.
func (e *encoder) base64(raw []byte) {
	size, start := base64.StdEncoding.EncodedLen(len(raw)), len(e.buf)
	if start+size > e.limit {
		panic(overFrame)
	}
	e.buf = slices.Grow(e.buf, size)[:start+size] // append of a make allocates under the race detector
	base64.StdEncoding.Encode(e.buf[start:], raw)
}
