package job

import (
	"time"

	"github.com/podless/podless/executor"
)

// Kubernetes' constants of the failure back-off (J-90).
const (
	defaultBackoffBase = 10 * time.Second
	defaultBackoffMax  = 10 * time.Minute
)

// backoffDelay is J-90: nothing after no failure, then base, doubled with each
// further one up to most.
func backoffDelay(failures int32, base, most time.Duration) time.Duration {
	if failures <= 0 || base <= 0 || most <= 0 {
		return 0
	}
	d := base
	for i := int32(1); i < failures; i++ {
		if d >= most/2 {
			return most
		}
		d *= 2
	}
	return min(d, most)
}

// next is J-91: the record after newly succeeded and newly failed Pods. Ignored
// failures are among the failed; all that counts is who finished after the newest success. Its time is
// that of the newest of them, even if one of before finished later, unless they are seen together.
func (b Backoff) next(ended []*pod, failed func(*pod) bool, together bool) Backoff {
	var lastSuccess executor.Stamp
	var nSucceeded, nFailed int32
	for _, p := range ended {
		if p.phase == executor.Succeeded {
			nSucceeded++
			lastSuccess = max(lastSuccess, p.finishTime())
		} else if failed(p) {
			nFailed++
		}
	}
	if nFailed == 0 {
		if nSucceeded == 0 {
			return b
		}
		return Backoff{}
	}
	if nSucceeded > 0 {
		b = Backoff{}
	}
	last := b.Last
	if !together {
		last = 0
	}
	for _, p := range ended {
		if p.phase == executor.Succeeded || !failed(p) {
			continue
		}
		if t := p.finishTime(); nSucceeded == 0 || t > lastSuccess {
			b.Failures++
			last = max(last, t)
			b.Last = last
		}
	}
	return b
}

// until returns when the back-off ends; 0 if there is none.
func (m *Machine) backoffUntil(failures int32, last executor.Stamp) executor.Stamp {
	d := backoffDelay(failures, m.base, m.most)
	if d == 0 {
		return 0
	}
	return last + executor.Stamp(d)
}
