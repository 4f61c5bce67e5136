// Command livefix is what fixes from outside are tried on: maps of many kinds
// under constant use, each checked by the program itself all the time.
//
// Whoever mends a map says so before and after (POST /livefix/begin and
// /livefix/end): what is written after the end must stay, what was there
// before may be gone, and nothing else may ever be wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// The exit codes of mapmedic (README.md), as far as the lab needs them.
const (
	exitDone     = 0
	exitUsage    = 2
	exitInternal = 70
)

func main() {
	log.SetFlags(log.Ltime | log.Lmicroseconds)
	log.SetPrefix("livefix: ")
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parseConfig(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitDone
	case err != nil:
		fmt.Fprintf(stderr, "livefix: %v\n\nlivefix all|KIND[,KIND...] [flags]; kinds of maps:\n", err)
		listKinds(stderr)
		return exitUsage
	}
	if err := host(ctx, c, stdout); err != nil {
		log.Print(err)
		return exitInternal
	}
	return exitDone
}

func host(ctx context.Context, c config, stdout io.Writer) error {
	listener, err := net.Listen("tcp", c.listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", c.listen, err)
	}
	server := &http.Server{Handler: start(c).handler(), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if _, err := fmt.Fprintf(stdout, "READY %d http://%s\n", os.Getpid(), listener.Addr()); err != nil {
		return fmt.Errorf("cannot say READY: %w", err)
	}
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	case <-stdinClosed(c.exitWithStdin):
	}
	return server.Close()
}

func start(c config) bench {
	b := bench{}
	for _, name := range c.kinds {
		b[name] = kinds[name].start(c)
		b[name].begin()
	}
	for range make([]struct{}, c.parked) {
		go stand(c.depth)
	}
	if c.idle {
		return b
	}
	go pulse()
	if c.gcEvery > 0 {
		go collect(c.gcEvery)
	}
	return b
}

// stdinClosed is never ready unless it was asked for.
func stdinClosed(asked bool) <-chan struct{} {
	closed := make(chan struct{})
	if asked {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			close(closed)
		}()
	}
	return closed
}
