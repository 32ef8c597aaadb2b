package cronjob

// timers holds the CronJobs that have a time to be synced at, the earliest first: a binary heap, in which each
// entry knows its place.
type timers []*entry

// set moves e to its new time, in Unix nanoseconds; 0 takes it out.
func (h *timers) set(e *entry, at int64) {
	switch {
	case at == 0 && e.place >= 0:
		h.remove(e)
	case at == 0:
	case e.place < 0:
		e.at = at
		e.place = int32(len(*h))
		*h = append(*h, e)
		h.up(int(e.place))
		return
	default:
		earlier := at < e.at
		e.at = at
		if earlier {
			h.up(int(e.place))
		} else {
			h.down(int(e.place))
		}
		return
	}
	e.at = at
}

// remove takes e out; its time stays known.
func (h *timers) remove(e *entry) {
	i := int(e.place)
	if i < 0 {
		return
	}
	last := len(*h) - 1
	h.swap(i, last)
	(*h)[last] = nil
	*h = (*h)[:last]
	e.place = -1
	if i < last {
		h.down(i)
		h.up(i)
	}
}

func (h timers) swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = int32(i), int32(j)
}

func (h timers) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].at <= h[i].at {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

func (h timers) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if right := child + 1; right < len(h) && h[right].at < h[child].at {
			child = right
		}
		if h[i].at <= h[child].at {
			return
		}
		h.swap(i, child)
		i = child
	}
}
