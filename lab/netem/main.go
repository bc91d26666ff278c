// Delay and loss for one network card, where the kernel has no sch_netem.
//
//	netem --port CARD --tap NAME [--delay 50ms] [--loss 1] [--seed 1]
//
// Makes the tap NAME, which takes the card's place in a bridge, and passes frames between both until it is killed. As with sch_netem on the
// card, what goes out by the card is late or lost, and what comes in by it is not. A lost frame is chosen by the seed.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

// A frame of the largest size that segmentation is put off for, and the header that says so.
const largest = 10 + 65536 + 64

type frame struct {
	due  time.Time
	data []byte
}

func main() {
	port := flag.String("port", "", "the card")
	name := flag.String("tap", "", "the tap's name")
	delay := flag.Duration("delay", 0, "how late")
	loss := flag.Float64("loss", 0, "per cent of frames that are lost")
	seed := flag.Uint64("seed", 1, "of the random choice")
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

	// As many as sch_netem holds; then the next ones are lost, as there.
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
		// While a cable is unplugged, either fails; the frame is lost.
		if n, err := from.Read(buffer); err == nil {
			_, _ = to.Write(buffer[:n])
		} else {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// deliver keeps the order: all are as late as the others.
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
