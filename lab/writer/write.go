package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// What a run of the writer saw. Times in milliseconds.
type written struct {
	Mode         string   `json:"mode"`
	Acknowledged int      `json:"acknowledged"`
	Failed       int      `json:"failed"`
	LongestGapMs float64  `json:"longestGapMs"`
	GapEndedAt   string   `json:"gapEndedAt"`
	SlowestPutMs float64  `json:"slowestPutMs"`
	Errors       []string `json:"errors"`
}

type putter func(ctx context.Context, key, value string) error

func write(ctx context.Context, o options) (*written, error) {
	put, err := newPutter(o)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(o.acknowledged, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	record := bufio.NewWriter(file)
	defer record.Flush()

	if o.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.duration)
		defer cancel()
	}
	run := fmt.Sprintf("%d-%d", time.Now().UnixNano(), os.Getpid())
	result := &written{Mode: o.mode, Errors: []string{}}
	ticker := time.NewTicker(o.interval)
	defer ticker.Stop()
	var last time.Time
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return result, nil
		case <-ticker.C:
		}
		key := fmt.Sprintf("/writer/%s/%08d", run, i)
		// Not the caller's context: a put that is under way when the writer is stopped is still counted.
		attempt, cancel := context.WithTimeout(context.Background(), o.deadline)
		began := time.Now()
		err := put(attempt, key, key)
		cancel()
		now := time.Now()
		result.SlowestPutMs = max(result.SlowestPutMs, milliseconds(now.Sub(began)))
		if err != nil {
			result.Failed++
			if len(result.Errors) < 10 {
				result.Errors = append(result.Errors, fmt.Sprintf("%s %v", now.Format(time.RFC3339Nano), err))
			}
			continue
		}
		result.Acknowledged++
		if gap := milliseconds(now.Sub(last)); !last.IsZero() && gap > result.LongestGapMs {
			result.LongestGapMs, result.GapEndedAt = gap, now.Format(time.RFC3339Nano)
		}
		last = now
		fmt.Fprintln(record, key)
	}
}

func newPutter(o options) (putter, error) {
	if o.mode == "balanced" {
		client, err := connect(o, o.endpoints...)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, key, value string) error {
			_, err := client.Put(ctx, key, value)
			return err
		}, nil
	}
	clients := make([]*clientv3.Client, len(o.endpoints))
	for i, endpoint := range o.endpoints {
		client, err := connect(o, endpoint)
		if err != nil {
			return nil, err
		}
		clients[i] = client
	}
	current := 0
	return func(ctx context.Context, key, value string) error {
		for {
			attempt, cancel := context.WithTimeout(ctx, o.failover)
			_, err := clients[current].Put(attempt, key, value)
			cancel()
			if err == nil || ctx.Err() != nil {
				return err
			}
			// The same key again does no harm: it has one value, whichever attempt was applied.
			current = (current + 1) % len(clients)
		}
	}, nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
