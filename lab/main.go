// Command lab runs one real service that leaks (or does not), says READY when
// it holds what it was asked to hold, and tells the exact truth about itself
// at /lab/truth. Every test of mapmedic rests on these figures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
)

// The exit codes of mapmedic (README.md), as far as the lab needs them.
const (
	exitDone     = 0
	exitUsage    = 2
	exitInternal = 70
)

func main() {
	log.SetFlags(log.Ltime | log.Lmicroseconds)
	log.SetPrefix("lab: ")
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, err := parseOptions(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitDone
	case err != nil:
		fmt.Fprintf(stderr, "lab: %v\n\nScenarios:\n", err)
		listText(stderr)
		return exitUsage
	case opts.list && opts.json:
		listJSON(stdout)
		return exitDone
	case opts.list:
		listText(stdout)
		return exitDone
	}
	if opts.exitWithStdin {
		ctx = endWithStdin(ctx, os.Stdin)
	}
	if err := host(ctx, opts, stdout); err != nil {
		log.Print(err)
		return exitInternal
	}
	return exitDone
}

// endWithStdin ends the lab when whoever started it is gone: the kernel closes
// the pipe for a test that was killed and could not clean up.
func endWithStdin(ctx context.Context, stdin io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		cancel()
	}()
	return ctx
}
