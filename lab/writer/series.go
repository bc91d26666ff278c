package main

import (
	"context"
	"fmt"
	"time"
)

// A series of writes, one after the other, and how they went. Times in milliseconds.
type series struct {
	Acknowledged int      `json:"acknowledged"`
	Failed       int      `json:"failed"`
	LongestGapMs float64  `json:"longestGapMs"`
	GapEndedAt   string   `json:"gapEndedAt"`
	SlowestMs    float64  `json:"slowestMs"`
	Errors       []string `json:"errors"`
}

func newSeries() series { return series{Errors: []string{}} }

// run calls `one` every interval until it is told to stop, and records the line that it returns.
func (s *series) run(ctx context.Context, o options, record *record, one func(ctx context.Context, i int) (string, error)) {
	ticker := time.NewTicker(o.interval)
	defer ticker.Stop()
	var last time.Time
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			// A gap that nothing has ended is one, too.
			s.gap(last, time.Now())
			return
		case <-ticker.C:
		}
		// Not the caller's context: a write that is under way when the writer is stopped is still counted.
		attempt, cancel := context.WithTimeout(context.Background(), o.deadline)
		began := time.Now()
		line, err := one(attempt, i)
		cancel()
		now := time.Now()
		s.SlowestMs = max(s.SlowestMs, milliseconds(now.Sub(began)))
		if err != nil {
			s.Failed++
			if len(s.Errors) < 10 {
				s.Errors = append(s.Errors, fmt.Sprintf("%s %v", now.Format(time.RFC3339Nano), err))
			}
			continue
		}
		s.Acknowledged++
		s.gap(last, now)
		last = now
		record.add(line)
	}
}

// gap: the time between two acknowledged writes.
func (s *series) gap(from, to time.Time) {
	if gap := milliseconds(to.Sub(from)); !from.IsZero() && gap > s.LongestGapMs {
		s.LongestGapMs, s.GapEndedAt = gap, to.Format(time.RFC3339Nano)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
