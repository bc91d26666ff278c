package main

import "testing"

func TestPercentile(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(100 - i)
	}
	for _, c := range []struct {
		values  []float64
		percent int
		want    float64
	}{
		{nil, 99, 0},
		{[]float64{7}, 50, 7},
		{[]float64{3, 1, 2}, 50, 2},
		{hundred, 50, 50},
		{hundred, 99, 99},
		{append(hundred, 1000), 99, 100},
	} {
		if got := percentile(c.values, c.percent); got != c.want {
			t.Errorf("percentile(%d values, %d) = %v, want %v", len(c.values), c.percent, got, c.want)
		}
	}
}
