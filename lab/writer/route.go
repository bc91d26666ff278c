package main

import (
	"context"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// followInterval is the time after which --follow reads the endpoints from the member list again.
const followInterval = 2 * time.Second

type attempt func(ctx context.Context, kv clientv3.KV) error

// route is a client's way to reach the cluster.
type route interface {
	// try makes one attempt.
	try(ctx context.Context, attempt attempt) error
	// failsOver says whether the next attempt uses another endpoint after one that failed.
	failsOver() bool
}

func newRoute(ctx context.Context, o options) (route, error) {
	if o.mode == "balanced" {
		return newBalanced(o)
	}
	return newPinned(ctx, o, 0, o.failover)
}

// balanced leaves the choice of the endpoint to clientv3: round robin over those that are connected.
type balanced struct{ client *clientv3.Client }

func newBalanced(o options) (*balanced, error) {
	config, err := o.config(o.endpoints...)
	if err != nil {
		return nil, err
	}
	if o.follow {
		// clientv3 leaves out learners, and members that have not started.
		config.AutoSyncInterval = followInterval
	}
	client, err := clientv3.New(config)
	return &balanced{client}, err
}

func (b *balanced) try(ctx context.Context, attempt attempt) error { return attempt(ctx, b.client) }
func (b *balanced) failsOver() bool                                { return false }

func (o options) config(endpoints ...string) (clientv3.Config, error) {
	tls, err := transport.TLSInfo{TrustedCAFile: o.cacert, CertFile: o.cert, KeyFile: o.key}.ClientConfig()
	return clientv3.Config{Endpoints: endpoints, TLS: tls, DialTimeout: o.deadline, Logger: zap.NewNop()}, err
}

func connect(o options, endpoints ...string) (*clientv3.Client, error) {
	config, err := o.config(endpoints...)
	if err != nil {
		return nil, err
	}
	return clientv3.New(config)
}

// clientURLs returns the client URLs of the members that can be used: a learner refuses reads and writes, and a member
// without a name has not started.
func clientURLs(ctx context.Context, client *clientv3.Client) ([]string, error) {
	answer, err := client.MemberList(ctx)
	if err != nil {
		return nil, err
	}
	var urls []string
	for _, member := range answer.Members {
		if member.Name != "" && !member.IsLearner {
			urls = append(urls, member.ClientURLs...)
		}
	}
	return urls, nil
}

// pause keeps a client that is refused at once from sending requests without a break.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
