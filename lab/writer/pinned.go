package main

import (
	"context"
	"slices"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// pinned stays with one endpoint, and moves on to the next one after an attempt that failed or took longer than the
// limit.
type pinned struct {
	options options
	limit   time.Duration

	mutex     sync.Mutex
	endpoints []string
	clients   map[string]*clientv3.Client
	current   int
}

func newPinned(ctx context.Context, o options, first int, limit time.Duration) (*pinned, error) {
	p := &pinned{options: o, limit: limit, clients: map[string]*clientv3.Client{}}
	if err := p.use(o.endpoints); err != nil {
		return nil, err
	}
	p.current = first % len(p.endpoints)
	if o.follow {
		go p.follow(ctx)
	}
	return p, nil
}

func (p *pinned) failsOver() bool { return true }

func (p *pinned) try(ctx context.Context, attempt attempt) error {
	endpoint, client := p.pick()
	limited, cancel := context.WithTimeout(ctx, p.limit)
	defer cancel()
	err := attempt(limited, client)
	if err != nil {
		p.leave(endpoint)
	}
	return err
}

func (p *pinned) pick() (string, *clientv3.Client) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	endpoint := p.endpoints[p.current]
	return endpoint, p.clients[endpoint]
}

// leave moves on to the next endpoint, unless another attempt has already done so.
func (p *pinned) leave(endpoint string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.endpoints[p.current] == endpoint {
		p.current = (p.current + 1) % len(p.endpoints)
	}
}

func (p *pinned) follow(ctx context.Context) {
	for ctx.Err() == nil {
		pause(ctx, followInterval)
		// The members are asked one after the other, because some may be down.
		for _, client := range p.all() {
			limited, cancel := context.WithTimeout(ctx, time.Second)
			urls, err := clientURLs(limited, client)
			cancel()
			if err == nil && len(urls) > 0 && p.use(urls) == nil {
				break
			}
		}
	}
}

func (p *pinned) all() []*clientv3.Client {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	var clients []*clientv3.Client
	for i := range p.endpoints {
		clients = append(clients, p.clients[p.endpoints[(p.current+i)%len(p.endpoints)]])
	}
	return clients
}

// use replaces the endpoints. An endpoint that stays keeps its connection.
func (p *pinned) use(endpoints []string) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, endpoint := range endpoints {
		if p.clients[endpoint] == nil {
			client, err := connect(p.options, endpoint)
			if err != nil {
				return err
			}
			p.clients[endpoint] = client
		}
	}
	current := 0
	if len(p.endpoints) > 0 {
		current = max(0, slices.Index(endpoints, p.endpoints[p.current]))
	}
	for endpoint, client := range p.clients {
		if !slices.Contains(endpoints, endpoint) {
			// An attempt that is under way on this connection ends with an error, and is made again on another one.
			client.Close()
			delete(p.clients, endpoint)
		}
	}
	p.endpoints, p.current = endpoints, current
	return nil
}
