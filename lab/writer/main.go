// The writer is a client that writes to the cluster while tests change and break it, and reports afterwards what was
// lost.
//
//	writer write --mode balanced|pinned [flags]   puts unique keys and appends to lists, until SIGTERM or --duration
//	writer check [flags]                          checks that each member has all acknowledged writes, and that the
//	                                              hashes are equal; exit 1 if not
//	writer history [flags]                        several clients get, put and compare-and-swap; recorded as JSON lines
//	writer linearizable [flags]                   checks that this history is linearizable; exit 1 if not
//
// Each command prints one JSON line.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

type options struct {
	endpoints    []string
	cacert       string
	cert         string
	key          string
	mode         string
	follow       bool
	acknowledged string
	history      string
	clients      int
	interval     time.Duration
	deadline     time.Duration
	failover     time.Duration
	duration     time.Duration
	limit        time.Duration
}

func main() {
	commands := map[string]func(context.Context, options) (result, error){
		"write": write, "check": check, "history": history, "linearizable": linearizable,
	}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fatal(fmt.Errorf("usage: writer write|check|history|linearizable [flags]"))
	}
	o := parse(os.Args[2:])
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	result, err := commands[os.Args[1]](ctx, o)
	if err != nil {
		fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		fatal(err)
	}
	if !result.good() {
		os.Exit(1)
	}
}

// result is what a command prints. If it is not good, the command exits with 1.
type result interface{ good() bool }

func parse(arguments []string) options {
	var o options
	var endpoints string
	f := flag.NewFlagSet("writer", flag.ExitOnError)
	f.StringVar(&endpoints, "endpoints", os.Getenv("ETCDCTL_ENDPOINTS"), "client URLs, separated by commas")
	f.StringVar(&o.cacert, "cacert", os.Getenv("ETCDCTL_CACERT"), "CA certificate, PEM file")
	f.StringVar(&o.cert, "cert", os.Getenv("ETCDCTL_CERT"), "client certificate, PEM file")
	f.StringVar(&o.key, "key", os.Getenv("ETCDCTL_KEY"), "client key, PEM file")
	f.StringVar(&o.mode, "mode", "balanced", "write: balanced: one client over all endpoints; pinned: one endpoint, the next one after --failover")
	f.BoolVar(&o.follow, "follow", false, "take the endpoints from the cluster's member list, every 2 s (check: once)")
	f.StringVar(&o.acknowledged, "acknowledged", "acknowledged.txt", "write, check: file of the acknowledged writes, one per line: a key, or a list and a token")
	f.StringVar(&o.history, "history", "history.jsonl", "history, linearizable: file of the operations, one per line")
	f.IntVar(&o.clients, "clients", 5, "history: number of clients")
	f.DurationVar(&o.interval, "interval", 20*time.Millisecond, "time between two operations of a client")
	f.DurationVar(&o.deadline, "deadline", 5*time.Second, "an operation that is not acknowledged within this time has failed")
	f.DurationVar(&o.failover, "failover", 200*time.Millisecond, "pinned: time after which the next endpoint is tried")
	f.DurationVar(&o.duration, "duration", 0, "stop after this time; 0: only on SIGTERM")
	f.DurationVar(&o.limit, "limit", time.Minute, "linearizable: give up after this time")
	_ = f.Parse(arguments)
	o.endpoints = strings.Split(endpoints, ",")
	return o
}

// until returns a context that ends when the command must stop.
func (o options) until(ctx context.Context) (context.Context, context.CancelFunc) {
	if o.duration > 0 {
		return context.WithTimeout(ctx, o.duration)
	}
	return context.WithCancel(ctx)
}

func runName() string { return fmt.Sprintf("%d-%d", time.Now().UnixNano(), os.Getpid()) }

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "writer:", err)
	os.Exit(1)
}
