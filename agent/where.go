package agent

// conditions say which entries an evict takes out: those that fit all of them.
type conditions []condition

type condition struct{}
