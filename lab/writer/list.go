package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// The lists are not under /writer/, because they are read with their values, in smaller pages.
	listPrefix = "/writer-list/"
	// A list stays short, because each append writes the whole list.
	listLength = 200
	// The limit of one attempt. It leaves time before the deadline to check whether an append was applied, and to try
	// again.
	appendLimit = time.Second
)

// list is a key whose value is a series of tokens, each followed by a comma. Its value and revision are remembered,
// which saves a read before each append.
type list struct {
	key      string
	known    bool
	value    string
	revision int64
}

// newList returns a list whose key does not exist yet, so its content is known: it is empty, with the revision 0.
func newList(key string) *list { return &list{key: key, known: true} }

// append returns nil once the token is in the list. The token is never in it twice, because an attempt that arrives
// late compares a revision that is no longer current.
func (l *list) append(ctx context.Context, route route, token string) error {
	for {
		limited, cancel := context.WithTimeout(ctx, appendLimit)
		done, err := l.attempt(limited, route, token)
		cancel()
		switch {
		case done:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("append: %w", cmp.Or(err, ctx.Err()))
		case err != nil:
			pause(ctx, 10*time.Millisecond)
		}
	}
}

func (l *list) attempt(ctx context.Context, route route, token string) (bool, error) {
	if !l.known {
		err := route.try(ctx, func(ctx context.Context, kv clientv3.KV) error {
			answer, err := kv.Get(ctx, l.key)
			if err == nil {
				l.learn(answer.Kvs)
			}
			return err
		})
		if err != nil {
			return false, err
		}
		if l.has(token) {
			return true, nil
		}
	}
	value := l.value + token + ","
	var answer *clientv3.TxnResponse
	err := route.try(ctx, func(ctx context.Context, kv clientv3.KV) (err error) {
		answer, err = kv.Txn(ctx).
			If(clientv3.Compare(clientv3.ModRevision(l.key), "=", l.revision)).
			Then(clientv3.OpPut(l.key, value)).
			Else(clientv3.OpGet(l.key)).
			Commit()
		return err
	})
	if err != nil {
		// The append may have been applied, or may still be applied later.
		l.known = false
		return false, err
	}
	if answer.Succeeded {
		l.value, l.revision = value, answer.Header.Revision
		return true, nil
	}
	l.learn(answer.Responses[0].GetResponseRange().Kvs)
	return l.has(token), nil
}

func (l *list) learn(kvs []*mvccpb.KeyValue) {
	l.known, l.value, l.revision = true, "", 0
	if len(kvs) > 0 {
		l.value, l.revision = string(kvs[0].Value), kvs[0].ModRevision
	}
}

func (l *list) has(token string) bool { return slices.Contains(tokensOf(l.value), token) }

func tokensOf(value string) []string { return strings.Split(strings.TrimSuffix(value, ","), ",") }
