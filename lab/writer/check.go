package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// What the members hold of what was acknowledged.
type checked struct {
	Acknowledged int      `json:"acknowledged"`
	Lost         []string `json:"lost"`
	Revision     int64    `json:"revision"`
	HashesEqual  bool     `json:"hashesEqual"`
}

func check(ctx context.Context, o options) (*checked, error) {
	keys, err := acknowledgedKeys(o.acknowledged)
	if err != nil {
		return nil, err
	}
	result := &checked{Acknowledged: len(keys), Lost: []string{}, HashesEqual: true}
	hashes := map[uint32]bool{}
	for _, endpoint := range o.endpoints {
		client, err := connect(o, endpoint)
		if err != nil {
			return nil, err
		}
		present, err := keysOf(ctx, client, o.deadline)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", endpoint, err)
		}
		for _, key := range keys {
			if !present[key] {
				result.Lost = append(result.Lost, endpoint+" "+key)
			}
		}
		if result.Revision == 0 {
			if result.Revision, err = revisionOf(ctx, client, o.deadline); err != nil {
				return nil, err
			}
		}
		attempt, cancel := context.WithTimeout(ctx, o.deadline)
		// Before 3.3 etcd has no hash of one revision.
		if hash, err := client.HashKV(attempt, endpoint, result.Revision); err == nil {
			hashes[hash.Hash] = true
		}
		cancel()
		client.Close()
	}
	result.HashesEqual = len(hashes) <= 1
	return result, nil
}

func acknowledgedKeys(path string) ([]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var keys []string
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		keys = append(keys, scanner.Text())
	}
	return keys, scanner.Err()
}

// A linearizable read through this member, page by page.
func keysOf(ctx context.Context, client *clientv3.Client, deadline time.Duration) (map[string]bool, error) {
	const page = 5000
	keys := map[string]bool{}
	end := clientv3.GetPrefixRangeEnd("/writer/")
	for from := "/writer/"; ; {
		attempt, cancel := context.WithTimeout(ctx, deadline)
		answer, err := client.Get(attempt, from, clientv3.WithRange(end), clientv3.WithKeysOnly(), clientv3.WithLimit(page))
		cancel()
		if err != nil {
			return nil, err
		}
		for _, kv := range answer.Kvs {
			keys[string(kv.Key)] = true
		}
		if !answer.More {
			return keys, nil
		}
		from = string(answer.Kvs[len(answer.Kvs)-1].Key) + "\x00"
	}
}

func revisionOf(ctx context.Context, client *clientv3.Client, deadline time.Duration) (int64, error) {
	attempt, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	answer, err := client.Get(attempt, "/writer/", clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		return 0, err
	}
	return answer.Header.Revision, nil
}
