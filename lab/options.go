package main

import (
	"flag"
	"fmt"
	"io"
	"time"
)

// load says how much a scenario holds and how fast it takes on more.
type load struct {
	entries    int
	rate       float64 // entries per second added by the background traffic
	valueBytes int
	flatAfter  time.Duration // warm-up alone: from READY until it has everything
}

type options struct {
	scenario      string
	load          load
	listen        string
	list, json    bool
	exitWithStdin bool
}

// A value smaller than this has no room for data of its own.
const minValueBytes = 16

// No scenario keeps up with more, and the arithmetic stays far from overflow.
const maxRate = 1e6

const maxFlatAfter = 24 * time.Hour

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var opts options
	flags := declareFlags(&opts, stderr)
	// The scenario's name may stand before the flags or behind them.
	if err := flags.Parse(args); err != nil {
		return opts, err
	}
	if flags.NArg() > 0 {
		opts.scenario = flags.Arg(0)
		if err := flags.Parse(flags.Args()[1:]); err != nil {
			return opts, err
		}
	}
	if flags.NArg() > 0 {
		return opts, fmt.Errorf("one scenario at a time: %q is left over", flags.Args())
	}
	if opts.scenario == "" {
		opts.list = true
		return opts, nil
	}
	return opts, opts.complete(flags)
}

func declareFlags(opts *options, stderr io.Writer) *flag.FlagSet {
	flags := flag.NewFlagSet("lab", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&opts.load.entries, "entries", 0, "entries present at READY (default: the scenario's own)")
	flags.Float64Var(&opts.load.rate, "rate", 0, "entries per second added from READY on, 0 = none (default: the scenario's own)")
	flags.IntVar(&opts.load.valueBytes, "value-bytes", 0, "payload of one entry (default: the scenario's own)")
	flags.DurationVar(&opts.load.flatAfter, "flat-after", 0, "warm-up alone: time from READY until it has everything (default: the scenario's own)")
	flags.StringVar(&opts.listen, "listen", "127.0.0.1:0", "address to serve on")
	flags.BoolVar(&opts.list, "list", false, "print the scenarios and stop")
	flags.BoolVar(&opts.json, "json", false, "with --list: as JSON")
	flags.BoolVar(&opts.exitWithStdin, "exit-with-stdin", false, "end when standard input closes")
	return flags
}

// complete fills in the scenario's own defaults for flags not given.
func (o *options) complete(flags *flag.FlagSet) error {
	s, ok := scenarios[o.scenario]
	if !ok {
		return fmt.Errorf("no scenario is called %q", o.scenario)
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if !given["entries"] {
		o.load.entries = s.defaults.entries
	}
	if !given["rate"] {
		o.load.rate = s.defaults.rate
	}
	if !given["value-bytes"] {
		o.load.valueBytes = s.defaults.valueBytes
	}
	if !given["flat-after"] {
		o.load.flatAfter = s.defaults.flatAfter
	} else if s.defaults.flatAfter == 0 {
		return fmt.Errorf("--flat-after: %s never warms up", o.scenario)
	}
	return o.load.validate()
}

func (l load) validate() error {
	switch {
	case l.entries < 1:
		return fmt.Errorf("--entries %d: at least 1", l.entries)
	case !(l.rate >= 0 && l.rate <= maxRate): // so that NaN is refused too
		return fmt.Errorf("--rate %v: from 0 to %v", l.rate, maxRate)
	case l.valueBytes < minValueBytes:
		return fmt.Errorf("--value-bytes %d: at least %d", l.valueBytes, minValueBytes)
	case l.flatAfter < 0 || l.flatAfter > maxFlatAfter:
		return fmt.Errorf("--flat-after %v: from 0 to %v", l.flatAfter, maxFlatAfter)
	}
	return nil
}
