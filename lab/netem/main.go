// netem delays and drops the frames of one network card, for machines whose kernel has no sch_netem.
//
//	netem --port CARD --tap NAME [--delay 50ms] [--loss 1] [--seed 1]
//
// It creates the tap NAME, which takes the card's place in a bridge, and passes frames between the two until it is
// killed. As with sch_netem on the card, the frames that leave through the card are delayed or lost, and those that
// arrive through it are not. The seed decides which frames are lost.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

// The size of the largest frame that is not yet cut into segments, with the header that says so.
const largest = 10 + 65536 + 64

type frame struct {
	due  time.Time
	data []byte
}

func main() {
	port := flag.String("port", "", "the card")
	name := flag.String("tap", "", "the tap's name")
	delay := flag.Duration("delay", 0, "the delay of each frame")
	loss := flag.Float64("loss", 0, "the percentage of frames that are lost")
	seed := flag.Uint64("seed", 1, "the seed of the random choice of lost frames")
	flag.Parse()

	card, err := openCard(*port)
	if err != nil {
		fatal(err)
	}
	tap, err := openTap(*name)
	if err != nil {
		fatal(err)
	}
	go pass(card, tap)

	// The queue holds as many frames as that of sch_netem. When it is full, further frames are lost, as there.
	late := make(chan frame, 1000)
	go deliver(late, card)
	chance := rand.New(rand.NewPCG(*seed, 0))
	buffer := make([]byte, largest)
	for {
		n, err := tap.Read(buffer)
		if err != nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if chance.Float64()*100 < *loss {
			continue
		}
		select {
		case late <- frame{time.Now().Add(*delay), append([]byte(nil), buffer[:n]...)}:
		default:
		}
	}
}

func pass(from, to *os.File) {
	buffer := make([]byte, largest)
	for {
		// While the cable is unplugged, reading or writing fails, and the frame is lost.
		if n, err := from.Read(buffer); err == nil {
			_, _ = to.Write(buffer[:n])
		} else {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// deliver keeps the order of the frames, because all have the same delay.
func deliver(frames chan frame, to *os.File) {
	for f := range frames {
		time.Sleep(time.Until(f.due))
		_, _ = to.Write(f.data)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "netem:", err)
	os.Exit(1)
}
