package main

import (
	"context"
	"errors"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// flaky is one key of an etcd whose answers get lost. Each txn takes the next outcome.
type flaky struct {
	clientv3.KV
	outcomes []string
	value    string
	revision int64
	late     *transaction
}

func (f *flaky) try(ctx context.Context, attempt attempt) error { return attempt(ctx, f) }
func (f *flaky) failsOver() bool                                { return true }

func (f *flaky) kvs() []*mvccpb.KeyValue {
	if f.revision == 0 {
		return nil
	}
	return []*mvccpb.KeyValue{{Value: []byte(f.value), ModRevision: f.revision}}
}

func (f *flaky) Get(context.Context, string, ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	return &clientv3.GetResponse{Kvs: f.kvs()}, nil
}
func (f *flaky) Txn(context.Context) clientv3.Txn { return &transaction{etcd: f} }

type transaction struct {
	etcd     *flaky
	expected int64
	value    string
}

func (t *transaction) If(c ...clientv3.Cmp) clientv3.Txn {
	compare := pb.Compare(c[0])
	t.expected = compare.GetModRevision()
	return t
}
func (t *transaction) Then(o ...clientv3.Op) clientv3.Txn {
	t.value = string(o[0].ValueBytes())
	return t
}
func (t *transaction) Else(...clientv3.Op) clientv3.Txn { return t }

func (t *transaction) apply() bool {
	if t.etcd.revision != t.expected {
		return false
	}
	t.etcd.value, t.etcd.revision = t.value, t.etcd.revision+1
	return true
}

func (t *transaction) Commit() (*clientv3.TxnResponse, error) {
	f, outcome := t.etcd, "answered"
	if len(f.outcomes) > 0 {
		outcome, f.outcomes = f.outcomes[0], f.outcomes[1:]
	}
	if outcome == "lost" {
		return nil, errors.New("unavailable")
	}
	if outcome == "late" {
		f.late = t
		return nil, errors.New("timeout")
	}
	// A late transaction arrives just before the next one.
	if f.late != nil {
		f.late.apply()
		f.late = nil
	}
	succeeded := t.apply()
	if outcome == "unanswered" {
		return nil, errors.New("timeout")
	}
	ranged := &pb.ResponseOp{Response: &pb.ResponseOp_ResponseRange{ResponseRange: &pb.RangeResponse{Kvs: f.kvs()}}}
	return &clientv3.TxnResponse{
		Header: &pb.ResponseHeader{Revision: f.revision}, Succeeded: succeeded, Responses: []*pb.ResponseOp{ranged},
	}, nil
}

func TestATokenIsAppendedOnceWhateverBecomesOfTheAnswers(t *testing.T) {
	for _, outcomes := range [][]string{
		{}, {"lost"}, {"unanswered"}, {"late"}, {"lost", "late", "unanswered"}, {"answered", "late", "answered", "unanswered", "lost"},
	} {
		etcd := &flaky{outcomes: outcomes}
		l := newList("list")
		for _, token := range []string{"a", "b", "c"} {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			if err := l.append(ctx, etcd, token); err != nil {
				t.Fatal(outcomes, err)
			}
			cancel()
		}
		if etcd.value != "a,b,c," {
			t.Errorf("%v: %s", outcomes, etcd.value)
		}
	}
}

func TestAnAppendThatIsNotAnsweredInTimeHasFailedAndTheNextOneLooksFirst(t *testing.T) {
	etcd := &flaky{outcomes: []string{"unanswered"}}
	l := newList("list")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if l.append(ctx, etcd, "a") == nil {
		t.Error("acknowledged without an answer")
	}
	if err := l.append(context.Background(), etcd, "b"); err != nil || etcd.value != "a,b," {
		t.Error(err, etcd.value)
	}
}
