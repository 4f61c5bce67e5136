package agent

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// skip steps over a word if it comes next.
func (d *decoder) skip(word string) bool {
	if len(d.text)-d.at < len(word) || string(d.text[d.at:d.at+len(word)]) != word {
		return false
	}
	d.at += len(word)
	return true
}

// number returns the characters that a JSON number can have, maybe none.
func (d *decoder) number() string {
	start := d.at
	for d.at < len(d.text) && strings.IndexByte("+-.0123456789eE", d.text[d.at]) >= 0 {
		d.at++
	}
	return string(d.text[start:d.at])
}

// float knows the words that stand for what JSON has no number for.
func (d *decoder) float(bits int) (float64, error) {
	switch {
	case d.skip(`"NaN"`):
		return math.NaN(), nil
	case d.skip(`"+Inf"`):
		return math.Inf(1), nil
	case d.skip(`"-Inf"`):
		return math.Inf(-1), nil
	}
	f, err := strconv.ParseFloat(d.number(), bits)
	if err != nil {
		return 0, refuse("expected a number that fits %d bits", bits)
	}
	return f, nil
}

// str decodes a string, also one that is not UTF-8.
func (d *decoder) str() (string, error) {
	if d.skip(`{"base64":`) {
		raw, err := d.base64()
		if err == nil && !d.skip("}") {
			err = refuse("expected a string")
		}
		return string(raw), err
	}
	raw, escaped, err := d.quoted()
	if err != nil {
		return "", err
	}
	if err := d.take(uintptr(len(raw))); err != nil {
		return "", err
	}
	if !escaped {
		return string(raw[1 : len(raw)-1]), nil
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return "", refuse("expected a string")
	}
	return s, nil
}

// quoted returns the next string with its quotes and whether it has escapes. A
// broken rune and half a surrogate are refused: they would be replaced by another text.
func (d *decoder) quoted() (raw []byte, escaped bool, err error) {
	end, whole := quotedEnd(d.text, d.at)
	if !whole || d.text[d.at] != '"' {
		return nil, false, refuse("expected a string")
	}
	raw = d.text[d.at:end]
	d.at = end
	if !utf8.Valid(raw) {
		return nil, false, refuse("a string that is not UTF-8")
	}
	for i := 1; i < len(raw)-1; i++ {
		switch {
		case raw[i] < ' ':
			return nil, false, refuse("a string with a bare control character")
		case raw[i] == '\\':
			if i++; raw[i] == 'u' && len(raw)-i > 2 && (raw[i+1]|' ') == 'd' && raw[i+2] > '7' {
				return nil, false, refuse("a string with a surrogate escape")
			}
			escaped = true
		}
	}
	return raw, escaped, nil
}

// quotedEnd is the index behind the string that begins at start.
func quotedEnd(text []byte, start int) (end int, whole bool) {
	for i := start + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1, true
		}
	}
	return len(text), false
}

func (d *decoder) base64() ([]byte, error) {
	raw, escaped, err := d.quoted()
	if err != nil || escaped {
		return nil, refuse("expected base64")
	}
	raw = raw[1 : len(raw)-1]
	if err := d.take(uintptr(base64.StdEncoding.DecodedLen(len(raw)))); err != nil {
		return nil, err
	}
	out := make([]byte, base64.StdEncoding.DecodedLen(len(raw)))
	n, err := base64.StdEncoding.Strict().Decode(out, raw)
	if err != nil {
		return nil, refuse("expected base64")
	}
	return out[:n:n], nil
}

// count is the number of elements of the list that comes next. It lets a slice
// be made once and of the right size; it need not be right about broken text.
func (d *decoder) count() int {
	if d.at+1 < len(d.text) && d.text[d.at+1] == ']' {
		return 0
	}
	commas, depth := 0, 0
	for i := d.at; i < len(d.text); i++ {
		switch d.text[i] {
		case '"':
			end, _ := quotedEnd(d.text, i)
			i = end - 1
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth <= 0 {
				return commas + 1
			}
		case ',':
			if depth == 1 {
				commas++
			}
		}
	}
	return commas + 1
}
