package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// written is the result of a run of the writer: the puts at the top level, the appends under their own name.
type written struct {
	Mode string `json:"mode"`
	series
	Appends series `json:"appends"`
}

func (*written) good() bool { return true }

// write makes puts and appends at the same time over the same route, one of each at every interval.
func write(ctx context.Context, o options) (result, error) {
	ctx, stop := o.until(ctx)
	defer stop()
	route, err := newRoute(ctx, o)
	if err != nil {
		return nil, err
	}
	record, err := newRecord(o.acknowledged)
	if err != nil {
		return nil, err
	}
	defer record.close()

	run := runName()
	result := &written{Mode: o.mode, series: newSeries(), Appends: newSeries()}
	var both sync.WaitGroup
	both.Go(func() {
		result.run(ctx, o, record, func(ctx context.Context, i int) (string, error) {
			key := fmt.Sprintf("/writer/%s/%08d", run, i)
			return key, put(ctx, route, key)
		})
	})
	both.Go(func() {
		var l *list
		result.Appends.run(ctx, o, record, func(ctx context.Context, i int) (string, error) {
			if i%listLength == 0 {
				l = newList(fmt.Sprintf("%s%s/%06d", listPrefix, run, i/listLength))
			}
			token := fmt.Sprintf("%08d", i)
			return l.key + " " + token, l.append(ctx, route, token)
		})
	})
	both.Wait()
	return result, nil
}

// put tries once with a plain client. With a client that fails over, it tries again on another endpoint.
func put(ctx context.Context, route route, key string) error {
	for {
		err := route.try(ctx, func(ctx context.Context, kv clientv3.KV) error {
			_, err := kv.Put(ctx, key, key)
			return err
		})
		if err == nil || ctx.Err() != nil || !route.failsOver() {
			return err
		}
		// Putting the same key again does no harm: it has the same value, whichever attempt was applied.
		pause(ctx, 10*time.Millisecond)
	}
}
