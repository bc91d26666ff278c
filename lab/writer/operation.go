package main

import (
	"encoding/json"
	"math"
)

// An operation of the history, as it is recorded: one JSON line each. Times are nanoseconds of one monotonic clock.
type operation struct {
	Client    int    `json:"client"`
	Call      int64  `json:"call"`
	Return    int64  `json:"return"`
	Operation string `json:"operation"`
	Key       string `json:"key"`
	Input     input  `json:"input"`
	Output    output `json:"output"`
	// It may have happened or not, and if so at any time after its call.
	Unknown bool `json:"unknown,omitempty"`
}

const (
	get = "get"
	set = "put"
	cas = "cas"
	// When an operation returns whose outcome is unknown.
	never = math.MaxInt64
)

// From is what a compare-and-swap expects, To what it or a put writes; every To of a history is another one. "" is an absent key.
type input struct {
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// Value is what a get read, or what a compare-and-swap found that did not swap.
type output struct {
	Value   string `json:"value,omitempty"`
	Swapped bool   `json:"swapped,omitempty"`
}

func (o operation) line() string {
	line, _ := json.Marshal(o)
	return string(line)
}
