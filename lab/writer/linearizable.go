package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"time"

	"github.com/anishathalye/porcupine"
)

// judged says whether there is an order of the operations, each between its call and its return, in which they behave
// like operations on a register.
type judged struct {
	Operations int    `json:"operations"`
	Unknown    int    `json:"unknown"`
	Result     string `json:"result"`
	// The registers whose result is not ok.
	Keys []string `json:"keys"`
}

func (j *judged) good() bool { return j.Result != "illegal" }

func linearizable(_ context.Context, o options) (result, error) {
	operations, err := readHistory(o.history)
	if err != nil {
		return nil, err
	}
	return judge(operations, o.limit), nil
}

func readHistory(path string) ([]operation, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var operations []operation
	decoder := json.NewDecoder(bufio.NewReader(file))
	for decoder.More() {
		var o operation
		if err := decoder.Decode(&o); err != nil {
			return nil, err
		}
		operations = append(operations, o)
	}
	return operations, nil
}

// judge checks each register by itself: a history is linearizable if the history of each key is.
func judge(operations []operation, limit time.Duration) *judged {
	result := &judged{Operations: len(operations), Result: "ok", Keys: []string{}}
	keys := []string{}
	byKey := map[string][]operation{}
	for _, o := range operations {
		if o.Unknown {
			result.Unknown++
		}
		if byKey[o.Key] == nil {
			keys = append(keys, o.Key)
		}
		byKey[o.Key] = append(byKey[o.Key], o)
	}
	deadline := time.Now().Add(limit)
	for _, key := range keys {
		// If no time is left, this must not become 0, which would mean no limit.
		left := max(time.Until(deadline), time.Millisecond)
		switch porcupine.CheckOperationsTimeout(register, narrow(byKey[key]), left) {
		case porcupine.Illegal:
			result.Result = "illegal"
		case porcupine.Unknown:
			if result.Result == "ok" {
				result.Result = "unknown"
			}
		default:
			continue
		}
		result.Keys = append(result.Keys, key)
	}
	return result
}

// narrow reduces what is unknown about operations, because each unknown one may double the checker's work. Values are
// unique, so a write whose value was seen happened before the end of the operation that saw it, and a write whose value
// nobody saw is the same as one that did not happen.
func narrow(operations []operation) []porcupine.Operation {
	seen := map[string]int64{}
	see := func(value string, end int64) {
		if before, is := seen[value]; value != "" && (!is || end < before) {
			seen[value] = end
		}
	}
	for _, o := range operations {
		if o.Unknown {
			continue
		}
		see(o.Output.Value, o.Return)
		if o.Output.Swapped {
			see(o.Input.From, o.Return)
		}
	}
	var narrowed []porcupine.Operation
	for _, o := range operations {
		end := o.Return
		if o.Unknown {
			first, is := seen[o.Input.To]
			if o.Operation == get || !is {
				continue
			}
			// A value that was seen before its write was called is left as it is, so that the checker finds it illegal.
			if first >= o.Call {
				end = first
			}
		}
		narrowed = append(narrowed, porcupine.Operation{ClientId: o.Client, Input: o, Call: o.Call, Output: o.Output, Return: end})
	}
	return narrowed
}

var register = porcupine.Model{
	Init: func() any { return "" },
	Step: func(state, in, _ any) (bool, any) {
		o, value := in.(operation), state.(string)
		switch {
		case o.Operation == get:
			return value == o.Output.Value, value
		case o.Operation == set:
			return true, o.Input.To
		case o.Unknown:
			if value == o.Input.From {
				return true, o.Input.To
			}
			return true, value
		case o.Output.Swapped:
			return value == o.Input.From, o.Input.To
		}
		return value == o.Output.Value && value != o.Input.From, value
	},
}
