package agent

import "reflect"

// matcher decides which entries fit the conditions of a task.
type matcher struct{}

func (m *matcher) fits(key, value reflect.Value) bool { return true }
