package main

import (
	"encoding/json"
	"math"
)

// operation is an operation of the history as it is recorded, as one JSON line. Times are in nanoseconds of one
// monotonic clock.
type operation struct {
	Client    int    `json:"client"`
	Call      int64  `json:"call"`
	Return    int64  `json:"return"`
	Operation string `json:"operation"`
	Key       string `json:"key"`
	Input     input  `json:"input"`
	Output    output `json:"output"`
	// The operation may have happened or not; if it has, then at any time after its call.
	Unknown bool `json:"unknown,omitempty"`
}

const (
	get = "get"
	set = "put"
	cas = "cas"
	// The return time of an operation whose outcome is unknown.
	never = math.MaxInt64
)

// input has what a compare-and-swap expects (From), and what a compare-and-swap or a put writes (To). Every To in a
// history is unique. "" stands for a key that does not exist.
type input struct {
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// output has what a get read, or what a compare-and-swap found when it did not swap.
type output struct {
	Value   string `json:"value,omitempty"`
	Swapped bool   `json:"swapped,omitempty"`
}

func (o operation) line() string {
	line, _ := json.Marshal(o)
	return string(line)
}
