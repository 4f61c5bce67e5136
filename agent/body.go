package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxBodyBytes = 64 << 10
	// bodyPatience bounds how long a body may drip in.
	bodyPatience = 10 * time.Second
)

// readFields reads a JSON object strictly: each key once and among the fields,
// each value of the type its field points to (*string, *bool, *int, *json.RawMessage or *conditions), nothing
// behind the object. An empty body is an empty object.
func readFields(w http.ResponseWriter, r *http.Request, fields map[string]any) error {
	raw, err := readBody(w, r)
	if err != nil || len(raw) == 0 {
		return err
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return &problem{415, "unsupported_media_type", "a body must be application/json",
			"send the header Content-Type: application/json"}
	}
	return decodeFields(raw, fields)
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	control := http.NewResponseController(w)
	// Not every ResponseWriter has deadlines; the size is bounded anyway.
	_ = control.SetReadDeadline(time.Now().Add(bodyPatience))
	defer func() { _ = control.SetReadDeadline(time.Time{}) }()
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &problem{413, "body_too_large", "a body is at most 64 KiB", "send a smaller body"}
	case err != nil:
		return nil, badRequest("the body could not be read")
	}
	return raw, nil
}

func decodeFields(raw []byte, fields map[string]any) error {
	if !utf8.Valid(raw) {
		return badRequest("the body is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return badRequest("the body must be one JSON object")
	}
	seen := make(map[string]bool, len(fields))
	for d.More() {
		if err := decodeField(d, fields, seen); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return badRequest("the JSON object does not end")
	}
	if _, err := d.Token(); err != io.EOF {
		return badRequest("something follows the JSON object")
	}
	return nil
}

func decodeField(d *json.Decoder, fields map[string]any, seen map[string]bool) error {
	token, err := d.Token()
	name, isName := token.(string)
	if err != nil || !isName {
		return badRequest("the body is not valid JSON")
	}
	to, known := fields[name]
	if !known {
		return badRequest("unknown field %q", clip(name, maxNameBytes))
	}
	if seen[name] {
		return badRequest("the field %q is there twice", name)
	}
	seen[name] = true
	var value json.RawMessage
	if err := d.Decode(&value); err != nil {
		return badRequest("the value of %q is not valid JSON", name)
	}
	return assign(name, value, to)
}

// assign refuses null: a field is given or left out.
func assign(name string, value json.RawMessage, to any) error {
	isNull := string(value) == "null"
	switch to := to.(type) {
	case *string:
		if isNull || json.Unmarshal(value, to) != nil {
			return badRequest("%q must be a string", name)
		}
	case *bool:
		if isNull || json.Unmarshal(value, to) != nil {
			return badRequest("%q must be true or false", name)
		}
	case *int:
		var f float64 // in JSON 60.0 is an integer too
		if isNull || json.Unmarshal(value, &f) != nil || f != math.Trunc(f) || math.Abs(f) > 1e9 {
			return badRequest("%q must be an integer", name)
		}
		*to = int(f)
	case *json.RawMessage:
		if isNull {
			return badRequest("%q must not be null", name)
		}
		*to = append(json.RawMessage(nil), value...)
	case *conditions:
		all, err := parseConditions(value)
		*to = all
		return err
	}
	return nil
}

// clip shortens text from outside to a bounded number of bytes, on a rune
// boundary, with everything unprintable replaced.
func clip(s string, limit int) string {
	out := make([]byte, 0, min(len(s), limit))
	for _, r := range s {
		if !isPrint(r) {
			r = '?'
		}
		if len(out)+utf8.RuneLen(r) > limit {
			break
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out)
}

// isPrint is false for the rune that stands for broken UTF-8 as well.
func isPrint(r rune) bool { return r != utf8.RuneError && unicode.IsPrint(r) }
