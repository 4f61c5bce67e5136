package prom

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// The kernel counts times in /proc in ticks of 1/100 s on every Linux that Go
// runs on (USER_HZ).
const ticksPerSecond = 100

// processFamilies reads /proc. Where that is missing (not Linux), it has
// nothing to say, as client_golang has not.
func processFamilies() []family {
	stat := procStat()
	if stat == nil {
		return nil
	}
	families := []family{
		counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
			(stat.number(14)+stat.number(15))/ticksPerSecond),
		gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", stat.number(23)),
		gauge("process_resident_memory_bytes", "Resident memory size in bytes.",
			stat.number(24)*float64(os.Getpagesize())),
		gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
			bootTime()+stat.number(22)/ticksPerSecond),
	}
	return append(families, limits()...)
}

func limits() []family {
	var families []family
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		families = append(families,
			gauge("process_open_fds", "Number of open file descriptors.", float64(len(open))))
	}
	var files, space syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) == nil {
		families = append(families,
			gauge("process_max_fds", "Maximum number of open file descriptors.", float64(files.Cur)))
	}
	if syscall.Getrlimit(syscall.RLIMIT_AS, &space) == nil {
		families = append(families, gauge("process_virtual_memory_max_bytes",
			"Maximum amount of virtual memory available in bytes.", float64(space.Cur)))
	}
	return families
}

// statFields are the fields of /proc/self/stat from the third on: the second,
// the command's name, may hold spaces and brackets.
type statFields []string

func procStat() statFields {
	raw, err := os.ReadFile("/proc/self/stat")
	end := bytes.LastIndexByte(raw, ')')
	if err != nil || end < 0 {
		return nil
	}
	return strings.Fields(string(raw[end+1:]))
}

// number returns a field by its number in proc(5).
func (f statFields) number(field int) float64 {
	if field-3 >= len(f) {
		return 0
	}
	n, _ := strconv.ParseFloat(f[field-3], 64)
	return n
}

func bootTime() float64 {
	raw, _ := os.ReadFile("/proc/stat")
	for _, line := range strings.Split(string(raw), "\n") {
		if text, ok := strings.CutPrefix(line, "btime "); ok {
			seconds, _ := strconv.ParseFloat(text, 64)
			return seconds
		}
	}
	return 0
}
