package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"sync"
)

// record is a file of lines to which several goroutines write.
type record struct {
	mutex sync.Mutex
	file  *os.File
	lines *bufio.Writer
}

func newRecord(path string) (*record, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &record{file: file, lines: bufio.NewWriter(file)}, nil
}

func (r *record) add(line string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	fmt.Fprintln(r.lines, line)
}

func (r *record) close() {
	r.lines.Flush()
	r.file.Close()
}

// acknowledged has the acknowledged writes: keys, and the tokens of each list, in the order of acknowledgement.
type acknowledged struct {
	keys  []string
	lists map[string][]string
}

func readAcknowledged(path string) (*acknowledged, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	a := &acknowledged{lists: map[string][]string{}}
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		if key, token, isAppend := strings.Cut(scanner.Text(), " "); isAppend {
			a.lists[key] = append(a.lists[key], token)
		} else {
			a.keys = append(a.keys, key)
		}
	}
	return a, scanner.Err()
}

func (a *acknowledged) appends() int {
	count := 0
	for _, tokens := range a.lists {
		count += len(tokens)
	}
	return count
}
