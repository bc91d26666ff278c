package main

import (
	"context"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// checked says which of the acknowledged writes the members have. Each line in its lists begins with the endpoint that
// it is about.
type checked struct {
	Acknowledged int      `json:"acknowledged"`
	Appended     int      `json:"appended"`
	Endpoints    []string `json:"endpoints"`
	Lost         []string `json:"lost"`
	Twice        []string `json:"twice"`
	Disordered   []string `json:"disordered"`
	Revision     int64    `json:"revision"`
	HashesEqual  bool     `json:"hashesEqual"`
}

func (c *checked) good() bool {
	return len(c.Lost)+len(c.Twice)+len(c.Disordered) == 0 && c.HashesEqual
}

func check(ctx context.Context, o options) (result, error) {
	said, err := readAcknowledged(o.acknowledged)
	if err != nil {
		return nil, err
	}
	if o.follow {
		if o.endpoints, err = membersOf(ctx, o); err != nil {
			return nil, err
		}
	}
	result := &checked{
		Acknowledged: len(said.keys), Appended: said.appends(), Endpoints: o.endpoints,
		Lost: []string{}, Twice: []string{}, Disordered: []string{},
	}
	hashes := map[uint32]bool{}
	for _, endpoint := range o.endpoints {
		client, err := connect(o, endpoint)
		if err != nil {
			return nil, err
		}
		keys, err := contentOf(ctx, client, o.deadline, "/writer/", 5000, clientv3.WithKeysOnly())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", endpoint, err)
		}
		lists, err := contentOf(ctx, client, o.deadline, listPrefix, 200)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", endpoint, err)
		}
		result.compare(endpoint, said, keys, lists)
		if result.Revision == 0 {
			if result.Revision, err = revisionOf(ctx, client, o.deadline); err != nil {
				return nil, err
			}
		}
		attempt, cancel := context.WithTimeout(ctx, o.deadline)
		hash, err := client.HashKV(attempt, endpoint, result.Revision)
		cancel()
		switch {
		case err == nil:
			hashes[hash.Hash] = true
		case status.Code(err) != codes.Unimplemented: // etcd before 3.3 cannot hash a single revision.
			return nil, fmt.Errorf("%s: the hash of its keys: %w", endpoint, err)
		}
		client.Close()
	}
	result.HashesEqual = len(hashes) <= 1
	return result, nil
}

// compare checks one member: every key must be there, every token must be in its list once, and the tokens must be in
// the order of their acknowledgement. There may be other tokens in between, which were applied but not acknowledged in
// time.
func (c *checked) compare(endpoint string, said *acknowledged, keys, lists map[string]string) {
	for _, key := range said.keys {
		if _, present := keys[key]; !present {
			c.Lost = append(c.Lost, endpoint+" "+key)
		}
	}
	for key, tokens := range said.lists {
		places := map[string]int{}
		for i, token := range tokensOf(lists[key]) {
			if _, before := places[token]; before {
				c.Twice = append(c.Twice, endpoint+" "+key+" "+token)
			}
			places[token] = i
		}
		last := -1
		for _, token := range tokens {
			place, present := places[token]
			switch {
			case !present:
				c.Lost = append(c.Lost, endpoint+" "+key+" "+token)
			case place < last:
				c.Disordered = append(c.Disordered, endpoint+" "+key+" "+token)
			default:
				last = place
			}
		}
	}
}

func membersOf(ctx context.Context, o options) ([]string, error) {
	client, err := connect(o, o.endpoints...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	attempt, cancel := context.WithTimeout(ctx, o.deadline)
	defer cancel()
	return clientURLs(attempt, client)
}

// contentOf makes linearizable reads through one member. The member waits until it has what the others have
// acknowledged, and then answers from its own data.
func contentOf(ctx context.Context, client *clientv3.Client, deadline time.Duration, prefix string, page int64, also ...clientv3.OpOption) (map[string]string, error) {
	content := map[string]string{}
	end := clientv3.GetPrefixRangeEnd(prefix)
	for from := prefix; ; {
		attempt, cancel := context.WithTimeout(ctx, deadline)
		answer, err := client.Get(attempt, from, append(also, clientv3.WithRange(end), clientv3.WithLimit(page))...)
		cancel()
		if err != nil {
			return nil, err
		}
		for _, kv := range answer.Kvs {
			content[string(kv.Key)] = string(kv.Value)
		}
		if !answer.More {
			return content, nil
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
