package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	registers = 5
	// After this many operations the clients go on to new registers, because the checker's work grows faster than the
	// history of a key.
	generation = 10_000
)

// recorded says how many operations were recorded, and how many of them have an unknown outcome.
type recorded struct {
	Operations int64 `json:"operations"`
	Unknown    int64 `json:"unknown"`
}

func (*recorded) good() bool { return true }

type historian struct {
	options    options
	run        string
	began      time.Time
	record     *record
	operations atomic.Int64
	unknown    atomic.Int64
	ids        atomic.Int64
}

func history(ctx context.Context, o options) (result, error) {
	ctx, stop := o.until(ctx)
	defer stop()
	record, err := newRecord(o.history)
	if err != nil {
		return nil, err
	}
	defer record.close()
	h := &historian{options: o, run: runName(), began: time.Now(), record: record}
	var clients sync.WaitGroup
	for i := range o.clients {
		// One attempt may take the whole deadline: an operation is never tried twice, so it cannot fail over.
		route, err := newPinned(ctx, o, i, o.deadline)
		if err != nil {
			return nil, err
		}
		clients.Go(func() { h.client(ctx, route) })
	}
	clients.Wait()
	return &recorded{h.operations.Load(), h.unknown.Load()}, nil
}

func (h *historian) client(ctx context.Context, route route) {
	ticker := time.NewTicker(h.options.interval)
	defer ticker.Stop()
	id := int(h.ids.Add(1)) - 1
	seen := map[string]string{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		n := h.operations.Add(1)
		o := operation{
			Client: id, Operation: []string{get, set, cas}[rand.IntN(3)],
			Key: fmt.Sprintf("/register/%s/%06d/%d", h.run, n/generation, rand.IntN(registers)),
		}
		if o.Operation != get {
			o.Input.To = fmt.Sprint(n)
		}
		if o.Operation == cas {
			o.Input.From = seen[o.Key]
		}
		attempt, cancel := context.WithTimeout(context.Background(), h.options.deadline)
		o.Call = h.now()
		err := route.try(attempt, o.do)
		o.Return = h.now()
		cancel()
		if err != nil {
			h.unknown.Add(1)
			o.Unknown, o.Return, o.Output = true, never, output{}
			// In a history, a client does one operation at a time. This one may still be going on, so the client gets
			// a new id.
			id = int(h.ids.Add(1)) - 1
		} else {
			seen[o.Key] = o.after()
		}
		h.record.add(o.line())
	}
}

func (h *historian) now() int64 { return time.Since(h.began).Nanoseconds() }

// do sends the operation to etcd and keeps the answer.
func (o *operation) do(ctx context.Context, kv clientv3.KV) error {
	switch o.Operation {
	case get:
		answer, err := kv.Get(ctx, o.Key)
		if err == nil && len(answer.Kvs) > 0 {
			o.Output.Value = string(answer.Kvs[0].Value)
		}
		return err
	case set:
		_, err := kv.Put(ctx, o.Key, o.Input.To)
		return err
	}
	expected := clientv3.Compare(clientv3.Value(o.Key), "=", o.Input.From)
	if o.Input.From == "" {
		expected = clientv3.Compare(clientv3.CreateRevision(o.Key), "=", 0)
	}
	answer, err := kv.Txn(ctx).If(expected).Then(clientv3.OpPut(o.Key, o.Input.To)).Else(clientv3.OpGet(o.Key)).Commit()
	if err != nil {
		return err
	}
	if o.Output.Swapped = answer.Succeeded; !answer.Succeeded {
		if kvs := answer.Responses[0].GetResponseRange().Kvs; len(kvs) > 0 {
			o.Output.Value = string(kvs[0].Value)
		}
	}
	return nil
}

// after returns the register's value after the operation, whose outcome must be known.
func (o *operation) after() string {
	if o.Operation == set || o.Output.Swapped {
		return o.Input.To
	}
	return o.Output.Value
}
