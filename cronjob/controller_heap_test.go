package cronjob

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTimers(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 0))
		var h timers
		all := make([]*entry, 40)
		for i := range all {
			all[i] = &entry{place: -1}
		}
		for range 500 {
			e := all[r.IntN(len(all))]
			if at := int64(r.IntN(20)); r.IntN(4) == 0 {
				h.remove(e)
			} else {
				h.set(e, at) // 0 takes it out
			}
			there := 0
			for _, e := range all {
				if e.place >= 0 {
					there++
					require.Same(t, e, h[e.place])
					require.LessOrEqual(t, h[0].at, e.at)
				}
			}
			require.Len(t, h, there)
		}
	}
}
