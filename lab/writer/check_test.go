package main

import (
	"os"
	"path/filepath"
	"testing"
)

func compared(t *testing.T, said string, keys, lists map[string]string) *checked {
	t.Helper()
	path := filepath.Join(t.TempDir(), "acknowledged")
	if err := os.WriteFile(path, []byte(said), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := readAcknowledged(path)
	if err != nil {
		t.Fatal(err)
	}
	c := &checked{HashesEqual: true}
	c.compare("member", a, keys, lists)
	return c
}

func TestTheCheck(t *testing.T) {
	const said = "/writer/1\n/writer-list/0 a\n/writer/2\n/writer-list/0 b\n/writer-list/1 c\n"
	keys := map[string]string{"/writer/1": "", "/writer/2": ""}
	for _, c := range []struct {
		name                    string
		keys                    map[string]string
		first, second           string
		lost, twice, disordered int
	}{
		{"everything is there", keys, "a,b,", "c,", 0, 0, 0},
		{"an append that was applied but not acknowledged", keys, "a,x,b,", "c,", 0, 0, 0},
		{"a lost put", map[string]string{"/writer/1": ""}, "a,b,", "c,", 1, 0, 0},
		{"a lost append", keys, "b,", "c,", 1, 0, 0},
		{"a lost list", keys, "a,b,", "", 1, 0, 0},
		{"an append that was applied twice", keys, "a,b,a,", "c,", 0, 1, 1},
		{"an unacknowledged append that was applied twice", keys, "a,x,x,b,", "c,", 0, 1, 0},
		{"tokens in another order", keys, "b,a,", "c,", 0, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := compared(t, said, c.keys, map[string]string{"/writer-list/0": c.first, "/writer-list/1": c.second})
			if len(got.Lost) != c.lost || len(got.Twice) != c.twice || len(got.Disordered) != c.disordered {
				t.Errorf("got %+v", got)
			}
			if got.good() != (c.lost+c.twice+c.disordered == 0) {
				t.Errorf("good: %v", got.good())
			}
		})
	}
}
