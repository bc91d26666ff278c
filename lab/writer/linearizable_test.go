package main

import (
	"path/filepath"
	"testing"
	"time"
)

func at(call, end int64, o operation) operation {
	o.Key, o.Call, o.Return = "register", call, end
	return o
}

func getOf(value string) operation { return operation{Operation: get, Output: output{Value: value}} }
func putOf(value string) operation { return operation{Operation: set, Input: input{To: value}} }
func swap(from, to string) operation {
	return operation{Operation: cas, Input: input{From: from, To: to}, Output: output{Swapped: true}}
}
func refused(from, to, found string) operation {
	return operation{Operation: cas, Input: input{From: from, To: to}, Output: output{Value: found}}
}
func unknown(o operation) operation {
	o.Unknown, o.Output = true, output{}
	return o
}

func TestHistories(t *testing.T) {
	for _, c := range []struct {
		name       string
		want       string
		operations []operation
	}{
		{"operations one after the other", "ok", []operation{
			at(1, 2, getOf("")), at(3, 4, putOf("a")), at(5, 6, getOf("a")), at(7, 8, swap("a", "b")), at(9, 10, refused("a", "c", "b")),
		}},
		{"a read during a write may see either value", "ok", []operation{
			at(1, 2, putOf("a")), at(3, 10, putOf("b")), at(4, 5, getOf("a")), at(6, 7, getOf("b")),
		}},
		{"a stale read", "illegal", []operation{
			at(1, 2, putOf("a")), at(3, 4, putOf("b")), at(5, 6, getOf("a")),
		}},
		{"two reads during a write see the new value and then the old one", "illegal", []operation{
			at(1, 2, putOf("a")), at(3, 10, putOf("b")), at(4, 5, getOf("b")), at(6, 7, getOf("a")),
		}},
		{"an acknowledged put is lost", "illegal", []operation{
			at(1, 2, putOf("a")), at(3, 4, getOf("")),
		}},
		{"an acknowledged swap is lost", "illegal", []operation{
			at(1, 2, putOf("a")), at(3, 4, swap("a", "b")), at(5, 6, getOf("a")),
		}},
		{"two swaps of the same value", "illegal", []operation{
			at(1, 2, putOf("a")), at(3, 6, swap("a", "b")), at(4, 7, swap("a", "c")), at(8, 9, getOf("c")),
		}},
		{"a swap was refused although the value was the expected one", "illegal", []operation{
			at(1, 2, putOf("a")), at(3, 4, refused("a", "b", "a")),
		}},
		{"an unknown put that did not happen", "ok", []operation{
			at(1, 2, putOf("a")), at(3, never, unknown(putOf("b"))), at(5, 6, getOf("a")), at(7, 8, swap("a", "c")),
		}},
		{"an unknown put that happened late", "ok", []operation{
			at(1, 2, putOf("a")), at(3, never, unknown(putOf("b"))), at(5, 6, getOf("a")), at(7, 8, getOf("b")),
		}},
		{"an unknown put that was seen, and then was not", "illegal", []operation{
			at(1, 2, putOf("a")), at(3, never, unknown(putOf("b"))), at(5, 6, getOf("b")), at(7, 8, getOf("a")),
		}},
		{"an unknown put that was seen before it was called", "illegal", []operation{
			at(1, 2, getOf("b")), at(3, never, unknown(putOf("b"))),
		}},
		{"an unknown swap that happened", "ok", []operation{
			at(1, 2, putOf("a")), at(3, never, unknown(swap("a", "b"))), at(5, 6, swap("b", "c")), at(7, 8, getOf("c")),
		}},
		{"an unknown swap of a value that was gone", "illegal", []operation{
			at(1, 2, putOf("a")), at(3, 4, putOf("c")), at(5, never, unknown(swap("a", "b"))), at(6, 7, getOf("b")),
		}},
		{"an unknown get says nothing", "ok", []operation{
			at(1, 2, putOf("a")), at(3, never, unknown(getOf(""))), at(5, 6, getOf("a")),
		}},
		{"a value that nobody wrote", "illegal", []operation{at(1, 2, getOf("z"))}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := judge(c.operations, time.Minute); got.Result != c.want || got.good() != (c.want == "ok") {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestRegistersAreJudgedByThemselves(t *testing.T) {
	stale := []operation{at(1, 2, putOf("a")), at(3, 4, putOf("b")), at(5, 6, getOf("a"))}
	for i := range stale {
		stale[i].Key = "other"
	}
	got := judge(append(stale, at(1, 2, putOf("c")), at(3, 4, getOf("c"))), time.Minute)
	if got.Result != "illegal" || len(got.Keys) != 1 || got.Keys[0] != "other" {
		t.Errorf("got %+v", got)
	}
}

func TestManyUnknownOutcomesAreJudgedInTime(t *testing.T) {
	var operations []operation
	value := ""
	for i := range int64(2000) {
		next := string(rune('A' + i))
		o := putOf(next)
		if i%3 == 0 {
			o = swap(value, next)
		}
		if i%10 == 0 {
			operations = append(operations, at(i*10, never, unknown(o)))
		} else {
			operations = append(operations, at(i*10, i*10+15, o))
		}
		value = next
		operations = append(operations, at(i*10+16, i*10+18, getOf(value)))
	}
	if got := judge(operations, 20*time.Second); got.Result == "unknown" {
		t.Errorf("got %+v", got)
	}
}

func TestAHistoryIsReadAsItWasRecorded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	r, err := newRecord(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []operation{at(1, 2, putOf("a")), at(3, never, unknown(swap("a", "b"))), at(5, 6, refused("x", "c", "a"))}
	for _, o := range want {
		r.add(o.line())
	}
	r.close()
	got, err := readHistory(path)
	if err != nil || len(got) != len(want) {
		t.Fatalf("%v %+v", err, got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v is not %+v", got[i], want[i])
		}
	}
}
