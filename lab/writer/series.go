package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// series is the result of a series of writes that were made one after the other. Times are in milliseconds. P50Ms and
// P99Ms are the median and the 99th percentile of the time that an acknowledged write took.
type series struct {
	Acknowledged int      `json:"acknowledged"`
	Failed       int      `json:"failed"`
	LongestGapMs float64  `json:"longestGapMs"`
	GapEndedAt   string   `json:"gapEndedAt"`
	P50Ms        float64  `json:"p50Ms"`
	P99Ms        float64  `json:"p99Ms"`
	SlowestMs    float64  `json:"slowestMs"`
	Errors       []string `json:"errors"`
	took         []float64
}

func newSeries() series { return series{Errors: []string{}} }

// run calls `one` at each interval until the context ends, and records the line that it returns.
func (s *series) run(ctx context.Context, o options, record *record, one func(ctx context.Context, i int) (string, error)) {
	ticker := time.NewTicker(o.interval)
	defer ticker.Stop()
	var last time.Time
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			// A gap that no write has ended counts as well.
			s.gap(last, time.Now())
			s.P50Ms, s.P99Ms = percentile(s.took, 50), percentile(s.took, 99)
			return
		case <-ticker.C:
		}
		// This is not the caller's context, so that a write that is under way when the writer is stopped still counts.
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
		s.took = append(s.took, milliseconds(now.Sub(began)))
		s.gap(last, now)
		last = now
		record.add(line)
	}
}

// gap notes the time between two acknowledged writes if it is the longest so far.
func (s *series) gap(from, to time.Time) {
	if gap := milliseconds(to.Sub(from)); !from.IsZero() && gap > s.LongestGapMs {
		s.LongestGapMs, s.GapEndedAt = gap, to.Format(time.RFC3339Nano)
	}
}

// percentile returns the smallest of the values that is not below percent of them; 0 if there are none.
func percentile(values []float64, percent int) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)*percent+99)/100-1]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
