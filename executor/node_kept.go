package executor

// keptPods keeps ended Pods, oldest first. One that is taken out of the middle leaves a hole.
//
// It holds no pointer to a Pod of which there is no more to say than its record: there are thousands, and each collection of
// garbage would look at all of them.
type keptPods struct {
	node *Node
	ring []keptPod       // a power of two
	rich []*ContainerRun // beside ring: Pods with a log or the like; nil: there was none yet
	said []string        // beside ring: termination messages of the others; nil: there was none yet
	head int
	n    int    // places in use, holes included
	live int    // Pods
	base uint64 // number of the place at head; places are numbered as Pods come

	templates []keptTemplate
	numbers   map[*Template]int32 // where a Template is in templates
	free      []int32             // places in templates
	last      *Template           // the latest one pushed, and its number
	number    int32
}

// keptPod is what is left of a ContainerRun.
type keptPod struct {
	uid                            UID
	created, started, finished     Stamp
	index, failures, ignored, code int32
	template                       int32 // -1: a hole
	state                          uint32
}

// keptTemplate is a Template and how many kept Pods have it.
type keptTemplate struct {
	t    *Template
	pods int
}

// push adds r and returns the number of its place.
func (q *keptPods) push(r *ContainerRun) uint64 {
	if q.n == len(q.ring) {
		q.grow()
	}
	t := r.pod.Template
	if t != q.last {
		q.last, q.number = t, q.numberOf(t)
	}
	q.templates[q.number].pods++
	place := (q.head + q.n) & (len(q.ring) - 1)
	p := &q.ring[place]
	p.uid = r.pod.UID
	p.created, p.started = r.pod.Created, r.started
	p.index, p.failures, p.ignored = r.pod.Index, r.pod.Failures, r.pod.Ignored
	p.template, p.state = q.number, r.state.Or(runKept)|runKept
	if p.state&runAbandoned == 0 { // else its goroutine may be writing them
		p.finished, p.code = r.finished, r.code
	}
	if m := r.more.Load(); m != nil && m.any() { // after runKept was set: what comes later is lost (logOf)
		if q.rich == nil {
			q.rich = make([]*ContainerRun, len(q.ring))
		}
		q.rich[place] = r
	} else if r.message != "" {
		if q.said == nil {
			q.said = make([]string, len(q.ring))
		}
		q.said[place] = r.message
	}
	q.n++
	q.live++
	return q.base + uint64(q.n-1)
}

// any reports whether there is anything to say of an ended Pod beside its record.
func (m *runMore) any() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.log != nil || m.detail != nil || m.rare != nil
}

func (q *keptPods) grow() {
	size := max(16, 2*len(q.ring))
	ring := make([]keptPod, size)
	k := copy(ring, q.ring[q.head:])
	copy(ring[k:], q.ring[:q.head])
	if q.rich != nil {
		rich := make([]*ContainerRun, size)
		copy(rich[copy(rich, q.rich[q.head:]):], q.rich[:q.head])
		q.rich = rich
	}
	if q.said != nil {
		said := make([]string, size)
		copy(said[copy(said, q.said[q.head:]):], q.said[:q.head])
		q.said = said
	}
	q.ring, q.head = ring, 0
}

// numberOf returns the number of a Template, a new one if need be.
func (q *keptPods) numberOf(t *Template) int32 {
	if k, ok := q.numbers[t]; ok {
		return k
	}
	k := int32(len(q.templates))
	if f := len(q.free); f > 0 {
		k, q.free = q.free[f-1], q.free[:f-1]
		q.templates[k].t = t
	} else {
		q.templates = append(q.templates, keptTemplate{t: t})
	}
	if q.numbers == nil {
		q.numbers = map[*Template]int32{}
	}
	q.numbers[t] = k
	return k
}

func (q *keptPods) place(i int) int { return (q.head + i) & (len(q.ring) - 1) }

// template returns the Template of the Pod i places after the oldest; nil: a hole.
func (q *keptPods) template(i int) *Template {
	if k := q.ring[q.place(i)].template; k >= 0 {
		return q.templates[k].t
	}
	return nil
}

func (q *keptPods) uid(i int) UID { return q.ring[q.place(i)].uid }

// index returns how many places after the oldest the Pod is, -1 if it is not there.
func (q *keptPods) index(uid UID) int {
	for i := q.n - 1; i >= 0; i-- {
		if p := &q.ring[q.place(i)]; p.uid == uid && p.template >= 0 {
			return i
		}
	}
	return -1
}

// at returns the Pod i places after the oldest, made anew if nothing else is known of it; nil: a hole.
func (q *keptPods) at(i int) *ContainerRun {
	place := q.place(i)
	p := &q.ring[place]
	if p.template < 0 {
		return nil
	}
	if q.rich != nil && q.rich[place] != nil {
		return q.rich[place]
	}
	r := &ContainerRun{node: q.node, code: p.code, started: p.started, finished: p.finished,
		pod: Pod{UID: p.uid, Template: q.templates[p.template].t, Created: p.created, Index: p.index, Failures: p.failures, Ignored: p.ignored}}
	r.state.Store(p.state)
	if q.said != nil {
		r.message = q.said[place]
	}
	return r
}

// drop makes a hole of a Pod's place. It returns its UID and, if there is more to say of it, the Pod.
func (q *keptPods) drop(i int) (uid UID, rich *ContainerRun) {
	place := q.place(i)
	if q.rich != nil {
		rich = q.rich[place]
	}
	q.forget(q.ring[place].template)
	q.ring[place].template = -1
	q.clear(place)
	q.live--
	return q.ring[place].uid, rich
}

// clear lets go of what is beside the ring.
func (q *keptPods) clear(place int) {
	if q.rich != nil {
		q.rich[place] = nil
	}
	if q.said != nil {
		q.said[place] = ""
	}
}

// forget counts one Pod less of a Template.
func (q *keptPods) forget(number int32) {
	t := &q.templates[number]
	if t.pods--; t.pods > 0 {
		return
	}
	delete(q.numbers, t.t)
	if q.last == t.t {
		q.last = nil
	}
	t.t = nil
	q.free = append(q.free, number)
}

// pop takes the oldest Pod out and returns its UID, its Template and, if there is more to say of it, the Pod. A nil Template:
// there is none.
func (q *keptPods) pop() (uid UID, t *Template, rich *ContainerRun) {
	for q.n > 0 {
		p := &q.ring[q.head]
		if q.rich != nil {
			rich = q.rich[q.head]
		}
		q.clear(q.head)
		q.head = (q.head + 1) & (len(q.ring) - 1)
		q.n--
		q.base++
		if p.template >= 0 {
			q.live--
			t = q.templates[p.template].t
			q.forget(p.template)
			return p.uid, t, rich
		}
	}
	return UID{}, nil, nil
}

// compact closes the holes if they are the greater part, and reports whether it did: then the places have new numbers.
func (q *keptPods) compact() bool {
	if q.n < 64 || 2*q.live > q.n {
		return false
	}
	kept := 0
	for i := range q.n {
		from, to := q.place(i), q.place(kept)
		if q.ring[from].template < 0 {
			continue
		}
		q.ring[to] = q.ring[from]
		if from != to {
			if q.rich != nil {
				q.rich[to] = q.rich[from]
			}
			if q.said != nil {
				q.said[to] = q.said[from]
			}
			q.clear(from)
		}
		kept++
	}
	q.n = kept
	return true
}
