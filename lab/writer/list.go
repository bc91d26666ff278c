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
	// Not under /writer/: lists are read with their values, which takes smaller pages.
	listPrefix = "/writer-list/"
	// A list stays short: each append writes all of it.
	listLength = 200
	// Leaves time to look whether an append was applied, and to try again, before the deadline.
	appendLimit = time.Second
)

// A key whose value is tokens, each with a comma behind it. What is remembered of it saves a read before each append.
type list struct {
	key      string
	known    bool
	value    string
	revision int64
}

// newList is a key that does not exist yet, so what it holds is known: nothing, modified at 0.
func newList(key string) *list { return &list{key: key, known: true} }

// append returns nil once the token is in the list, never twice: a late attempt compares a revision that is gone.
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
		// It may have been applied, now or later.
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
