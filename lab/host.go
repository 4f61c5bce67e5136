package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

// host fills the scenario, serves it, says READY and keeps it going until ctx
// ends.
func host(ctx context.Context, opts options, stdout io.Writer) error {
	listener, err := net.Listen("tcp", opts.listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", opts.listen, err)
	}
	svc := scenarios[opts.scenario].start(opts.load)
	begun := time.Now()
	if !fill(ctx, svc, opts.load.entries) {
		return listener.Close()
	}
	log.Printf("%s: %d entries in %v", opts.scenario, opts.load.entries, time.Since(begun).Round(time.Millisecond))

	handler, err := newHandler(opts.scenario, svc)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	// An unbuffered write: a reader on the pipe sees the line at once.
	if _, err := fmt.Fprintf(stdout, "READY %d http://%s\n", os.Getpid(), listener.Addr()); err != nil {
		return fmt.Errorf("cannot say READY: %w", err)
	}
	go keepAdding(ctx, svc, opts.load)
	return serveUntil(ctx, server, served)
}

func fill(ctx context.Context, svc service, entries int) bool {
	for n := 0; n < entries; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return false
		}
		svc.add(n)
	}
	return true
}

func serveUntil(ctx context.Context, server *http.Server, served <-chan error) error {
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	log.Print("ending")
	// A profile or trace of 30 s must not keep a lab alive.
	grace, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	if err := server.Shutdown(grace); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// keepAdding is the scenario's own traffic: rate entries a second, evenly.
func keepAdding(ctx context.Context, svc service, l load) {
	if l.rate == 0 {
		return
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	begun, added := time.Now(), 0
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for due := int(now.Sub(begun).Seconds() * l.rate); added < due; added++ {
				svc.add(l.entries + added)
			}
		}
	}
}
