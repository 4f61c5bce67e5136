package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"
)

// config says which maps there are and what goes on around them.
type config struct {
	kinds         []string
	entries       int
	valueBytes    int
	writers       int
	deleters      int
	readers       int
	iterators     int
	walking       walking
	rate          float64 // steps per second of each writer, deleter and reader; 0: no rest
	checkEvery    time.Duration
	walkEvery     time.Duration
	walkRest      time.Duration
	gcEvery       time.Duration
	idle          bool
	heldShare     float64 // per cent
	holdFor       time.Duration
	holdAsleep    bool
	parked        int
	depth         int
	listen        string
	exitWithStdin bool
}

// So that the smallest map, of eight entries, has one for each of them.
const mostWriting = 8

var errList = errors.New("no kind of map was asked for")

func parseConfig(args []string, stderr io.Writer) (config, error) {
	var c config
	flags := flag.NewFlagSet("livefix", flag.ContinueOnError)
	flags.SetOutput(stderr)
	declare(flags, &c)
	iterator := flags.String("iterator", "range", "where the iterators are kept: range (stack), reflect (heap) or pull (a coroutine's stack, from Go 1.23)")
	if len(args) == 0 {
		return c, errList
	}
	if err := flags.Parse(args[1:]); err != nil {
		return c, err
	}
	if flags.NArg() > 0 {
		return c, fmt.Errorf("%q is left over: kinds are parted by commas", flags.Args())
	}
	how, err := parseWalking(*iterator)
	if err != nil {
		return c, err
	}
	c.walking = how
	if c.kinds, err = parseKinds(args[0]); err != nil {
		return c, err
	}
	return c, c.validate()
}

func declare(flags *flag.FlagSet, c *config) {
	flags.IntVar(&c.entries, "entries", 10_000, "entries of each kind at READY; of small-flags at most 8")
	flags.IntVar(&c.valueBytes, "value-bytes", 64, "payload of one entry")
	flags.IntVar(&c.writers, "writers", 2, "writers of each kind")
	flags.IntVar(&c.deleters, "deleters", 1, "writers of each kind half of whose writes are deletes")
	flags.IntVar(&c.readers, "readers", 2, "readers of each kind")
	flags.IntVar(&c.iterators, "iterators", 0, "iterators of each kind that are alive all the time, also while the lock is free")
	flags.Float64Var(&c.rate, "rate", 1000, "steps per second of each writer, deleter and reader; 0: they never rest")
	flags.DurationVar(&c.checkEvery, "check-every", 100*time.Millisecond, "rest between two looks at every entry; 0: none is taken")
	flags.DurationVar(&c.walkEvery, "walk-every", time.Millisecond, "rest of an iterator at each entry")
	flags.DurationVar(&c.walkRest, "walk-rest", time.Millisecond, "rest between two walks of an iterator: none of it is alive then")
	flags.DurationVar(&c.gcEvery, "gc-every", 20*time.Millisecond, "rest between two collections; 0: only when the runtime wants one")
	flags.Float64Var(&c.heldShare, "held", 0, "per cent of time that one more goroutine holds each lock")
	flags.DurationVar(&c.holdFor, "hold-for", time.Millisecond, "how long it holds it at a time")
	flags.BoolVar(&c.holdAsleep, "hold-asleep", false, "it sleeps meanwhile instead of running")
	flags.BoolVar(&c.idle, "idle", false, "nothing at all goes on after READY but what is asked for")
	flags.IntVar(&c.parked, "parked", 0, "goroutines more that only stand there")
	flags.IntVar(&c.depth, "depth", 0, "frames of some 200 bytes that each of them is deep in")
	flags.StringVar(&c.listen, "listen", "127.0.0.1:0", "address to serve on")
	flags.BoolVar(&c.exitWithStdin, "exit-with-stdin", false, "end when standard input closes")
}

func parseKinds(text string) ([]string, error) {
	if text == "all" {
		return kindNames(), nil
	}
	seen := map[string]bool{}
	for _, name := range strings.Split(text, ",") {
		if _, ok := kinds[name]; !ok || seen[name] {
			return nil, fmt.Errorf("no kind of map is called %q, or it is named twice", name)
		}
		seen[name] = true
	}
	names := strings.Split(text, ",")
	sort.Strings(names)
	return names, nil
}

func (c config) validate() error {
	writing := c.writers + c.deleters
	switch {
	case c.writers < 0 || c.deleters < 0 || writing < 1 || writing > mostWriting:
		return fmt.Errorf("--writers %d and --deleters %d: together from 1 to %d", c.writers, c.deleters, mostWriting)
	case c.entries < writing:
		return fmt.Errorf("--entries %d: at least one for each of %d writers and deleters", c.entries, writing)
	case c.valueBytes < 0 || c.readers < 0 || c.iterators < 0:
		return errors.New("--value-bytes, --readers, --iterators: at least 0")
	case !(c.rate >= 0 && c.rate <= 1e6):
		return fmt.Errorf("--rate %v: from 0 to 1e6", c.rate)
	case !(c.heldShare >= 0 && c.heldShare < 100):
		return fmt.Errorf("--held %v: from 0 to less than 100", c.heldShare)
	case c.holdFor <= 0 || c.checkEvery < 0 || c.walkEvery < 0 || c.walkRest < 0 || c.gcEvery < 0:
		return errors.New("--hold-for must be above 0, --check-every, --walk-every, --walk-rest and --gc-every at least 0")
	case c.parked < 0 || c.depth < 0:
		return errors.New("--parked, --depth: at least 0")
	}
	return nil
}
