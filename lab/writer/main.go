// The writer: puts unique keys through all endpoints, remembers which were acknowledged, and checks at the end that every member has them.
//
//	writer write --mode balanced|pinned [flags]   until SIGTERM or --duration; prints one JSON line
//	writer check [flags]                          every acknowledged key on every member, hashes equal; prints one JSON line
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

	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

type options struct {
	endpoints    []string
	cacert       string
	cert         string
	key          string
	mode         string
	acknowledged string
	interval     time.Duration
	deadline     time.Duration
	failover     time.Duration
	duration     time.Duration
}

func main() {
	if len(os.Args) < 2 {
		fatal(fmt.Errorf("say write or check"))
	}
	o := parse(os.Args[2:])
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var (
		result any
		err    error
	)
	switch os.Args[1] {
	case "write":
		result, err = write(ctx, o)
	case "check":
		result, err = check(ctx, o)
	default:
		err = fmt.Errorf("say write or check, not %q", os.Args[1])
	}
	if err != nil {
		fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		fatal(err)
	}
}

func parse(arguments []string) options {
	var o options
	var endpoints string
	f := flag.NewFlagSet("writer", flag.ExitOnError)
	f.StringVar(&endpoints, "endpoints", os.Getenv("ETCDCTL_ENDPOINTS"), "client URLs, joined by commas")
	f.StringVar(&o.cacert, "cacert", os.Getenv("ETCDCTL_CACERT"), "CA certificate, PEM file")
	f.StringVar(&o.cert, "cert", os.Getenv("ETCDCTL_CERT"), "client certificate, PEM file")
	f.StringVar(&o.key, "key", os.Getenv("ETCDCTL_KEY"), "client key, PEM file")
	f.StringVar(&o.mode, "mode", "balanced", "balanced: one client over all endpoints; pinned: one endpoint, the next one after --failover")
	f.StringVar(&o.acknowledged, "acknowledged", "acknowledged.txt", "file of acknowledged keys, one a line")
	f.DurationVar(&o.interval, "interval", 20*time.Millisecond, "time between two puts")
	f.DurationVar(&o.deadline, "deadline", 5*time.Second, "a put that is not acknowledged by then has failed")
	f.DurationVar(&o.failover, "failover", 200*time.Millisecond, "pinned: time after which the next endpoint is tried")
	f.DurationVar(&o.duration, "duration", 0, "stop after this time; 0: on SIGTERM")
	_ = f.Parse(arguments)
	o.endpoints = strings.Split(endpoints, ",")
	return o
}

func connect(o options, endpoints ...string) (*clientv3.Client, error) {
	tls, err := transport.TLSInfo{TrustedCAFile: o.cacert, CertFile: o.cert, KeyFile: o.key}.ClientConfig()
	if err != nil {
		return nil, err
	}
	return clientv3.New(clientv3.Config{Endpoints: endpoints, TLS: tls, DialTimeout: o.deadline, Logger: zap.NewNop()})
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "writer:", err)
	os.Exit(1)
}
