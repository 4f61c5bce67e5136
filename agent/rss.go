package agent

import (
	"bytes"
	"os"
	"strconv"
)

// residentBytes reads the resident set from the kernel; nil where there is no
// /proc/self/statm (see proc(5): the second field, in pages).
func residentBytes() *uint64 {
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return nil
	}
	fields := bytes.Fields(raw)
	if len(fields) < 2 {
		return nil
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 64)
	if err != nil {
		return nil
	}
	resident := pages * uint64(os.Getpagesize())
	return &resident
}
