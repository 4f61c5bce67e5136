package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const (
	// The bounds of a list of conditions: it is kept in the history of operations.
	maxConditions   = 8
	maxFieldBytes   = 200
	maxFieldSteps   = 8
	maxPatternBytes = 256
	maxOperandBytes = 1024
)

// The operators of a condition.
const (
	opPrefix  = "prefix"
	opGlob    = "glob"
	opRegex   = "regex"
	opEquals  = "equals"
	opOlder   = "older_than"
	opExpired = "expired"
)

const operators = opPrefix + ", " + opGlob + ", " + opRegex + ", " + opEquals + ", " + opOlder + ", " + opExpired

// conditions say which entries an evict takes out: those that fit all of them.
type conditions []condition

// condition is one test of a key or a value, as the caller gave it.
type condition struct {
	On      string          `json:"on"`
	Field   string          `json:"field,omitempty"`
	Op      string          `json:"op"`
	Value   json.RawMessage `json:"value,omitempty"`
	Seconds int             `json:"seconds,omitempty"`
}

// parseConditions reads the JSON form strictly; it knows nothing of types yet.
func parseConditions(raw []byte) (conditions, error) {
	var parts []json.RawMessage
	if json.Unmarshal(raw, &parts) != nil || len(parts) < 1 || len(parts) > maxConditions {
		return nil, badRequest(`"where" must be a list of 1 to %d conditions`, maxConditions)
	}
	all := make(conditions, len(parts))
	for i, part := range parts {
		c := &all[i]
		err := decodeFields(part, map[string]any{
			"on": &c.On, "field": &c.Field, "op": &c.Op, "value": &c.Value, "seconds": &c.Seconds})
		if err == nil {
			err = c.check()
		}
		if err != nil {
			return nil, inCondition(i, err)
		}
	}
	return all, nil
}

// inCondition says which condition an error is about.
func inCondition(i int, err error) error {
	var p *problem
	if errors.As(err, &p) {
		return badRequest("where[%d]: %s", i, p.Message)
	}
	return badRequest("where[%d]: %s", i, err)
}

func (c *condition) check() error {
	if c.On != "key" && c.On != "value" {
		return badRequest(`"on" must be "key" or "value"`)
	}
	if len(c.Field) > maxFieldBytes || len(c.steps()) > maxFieldSteps {
		return badRequest(`"field" is at most %d bytes and %d names joined by dots`, maxFieldBytes, maxFieldSteps)
	}
	for _, step := range c.steps() {
		if step == "" {
			return badRequest(`"field" must be names of Go fields joined by dots`)
		}
	}
	if (c.Op == opOlder) != (c.Seconds != 0) || c.Seconds < 0 {
		return badRequest(`"seconds", from 1 to 1000000000, goes with older_than and with nothing else`)
	}
	return c.checkValue()
}

func (c *condition) checkValue() error {
	text, isText := c.text()
	switch c.Op {
	case opOlder, opExpired:
		if c.Value != nil {
			return badRequest(`%s takes no "value"`, c.Op)
		}
	case opPrefix:
		if !isText || text == "" || len(text) > maxOperandBytes {
			return badRequest(`prefix needs a "value": a string of 1 to %d bytes`, maxOperandBytes)
		}
	case opGlob, opRegex:
		if !isText || text == "" || len(text) > maxPatternBytes {
			return badRequest(`%s needs a "value": a string of 1 to %d bytes`, c.Op, maxPatternBytes)
		}
	case opEquals:
		if _, isNumber := c.integer(); !isNumber && (!isText || len(text) > maxOperandBytes) {
			return badRequest(`equals needs a "value": an integer, or a string of at most %d bytes`, maxOperandBytes)
		}
	default:
		return badRequest(`"op" must be one of %s`, operators)
	}
	return nil
}

// steps are the field names on the way to what is tested.
func (c *condition) steps() []string {
	if c.Field == "" {
		return nil
	}
	return strings.Split(c.Field, ".")
}

// text is the value where it is a JSON string.
func (c *condition) text() (string, bool) {
	var s string
	if len(c.Value) == 0 || c.Value[0] != '"' || json.Unmarshal(c.Value, &s) != nil {
		return "", false
	}
	return s, true
}

// integer is the value where it is a JSON integer, in the form that Go prints.
func (c *condition) integer() (string, bool) {
	raw := string(c.Value)
	if n, err := strconv.ParseInt(raw, 10, 64); err == nil {
		return strconv.FormatInt(n, 10), true
	}
	if n, err := strconv.ParseUint(raw, 10, 64); err == nil {
		return strconv.FormatUint(n, 10), true
	}
	return "", false
}

// String names what is tested and how, without the value: it goes into the log.
func (c condition) String() string {
	at := c.On
	if c.Field != "" {
		at += "." + clip(c.Field, maxFieldBytes)
	}
	return fmt.Sprintf("%s %s", at, c.Op)
}
