package executor

// podTable finds Pods by UID. It is an open-addressing table that hashes
// multiplicatively, so that dense ordinals spread out, and shrinks when its Pods are gone.
type podTable struct {
	slots []podSlot // a power of two; nil run: free
	shift uint8     // 64 - log2(len(slots))
	n     int
}

type podSlot struct {
	uid UID
	run *ContainerRun
}

const podTableMin = 64

func (t *podTable) home(u *UID) int {
	h := u.High()
	return int((u.Ordinal() ^ h ^ h>>32) * 0x9E3779B97F4A7C15 >> t.shift)
}

func (t *podTable) get(u UID) *ContainerRun {
	if t.n == 0 {
		return nil
	}
	for i := t.home(&u); ; i = (i + 1) & (len(t.slots) - 1) {
		s := &t.slots[i]
		if s.run == nil || s.uid == u {
			return s.run
		}
	}
}

// put adds r, whose UID is not there.
func (t *podTable) put(r *ContainerRun) {
	if 4*(t.n+1) > 3*len(t.slots) {
		t.resize(max(podTableMin, 2*len(t.slots)))
	}
	t.n++
	t.place(r)
}

func (t *podTable) place(r *ContainerRun) {
	i := t.home(&r.pod.UID)
	for t.slots[i].run != nil {
		i = (i + 1) & (len(t.slots) - 1)
	}
	t.slots[i] = podSlot{r.pod.UID, r}
}

// remove takes the Pod out and returns it, nil if it is not there.
func (t *podTable) remove(u UID) *ContainerRun {
	if t.n == 0 {
		return nil
	}
	mask := len(t.slots) - 1
	i := t.home(&u)
	for t.slots[i].uid != u || t.slots[i].run == nil {
		if t.slots[i].run == nil {
			return nil
		}
		i = (i + 1) & mask
	}
	r := t.slots[i].run
	for j := (i + 1) & mask; t.slots[j].run != nil; j = (j + 1) & mask {
		if h := t.home(&t.slots[j].uid); (j-h)&mask >= (j-i)&mask { // may move back to i
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = podSlot{}
	t.n--
	if len(t.slots) > podTableMin && 8*t.n < len(t.slots) {
		t.resize(len(t.slots) / 2)
	}
	return r
}

func (t *podTable) resize(size int) {
	old := t.slots
	t.slots, t.shift = make([]podSlot, size), 64
	for ; size > 1; size /= 2 {
		t.shift--
	}
	for i := range old {
		if old[i].run != nil {
			t.place(old[i].run)
		}
	}
}

func (t *podTable) each(visit func(*ContainerRun) bool) bool {
	for i := range t.slots {
		if r := t.slots[i].run; r != nil && !visit(r) {
			return false
		}
	}
	return true
}

// podQueue is the FIFO of Pods that wait to be taken up.
type podQueue struct {
	ring []*ContainerRun // a power of two
	head int
	n    int
}

func (q *podQueue) push(r *ContainerRun) {
	if q.n == len(q.ring) {
		q.resize(max(16, 2*len(q.ring)))
	}
	q.ring[(q.head+q.n)&(len(q.ring)-1)] = r
	q.n++
}

func (q *podQueue) pop() *ContainerRun {
	if q.n == 0 {
		return nil
	}
	r := q.ring[q.head]
	q.ring[q.head] = nil
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.n--
	if len(q.ring) > 4096 && 8*q.n < len(q.ring) {
		q.resize(len(q.ring) / 2)
	}
	return r
}

func (q *podQueue) resize(size int) {
	ring := make([]*ContainerRun, size)
	for i := range q.n {
		ring[i] = q.ring[(q.head+i)&(len(q.ring)-1)]
	}
	q.ring, q.head = ring, 0
}

// podRing keeps ended Pods, oldest first. A Pod in the middle that was removed leaves a nil.
type podRing struct {
	ring []*ContainerRun
	head int
	n    int // places in use, nils included
}

func (q *podRing) push(r *ContainerRun) {
	if q.n == len(q.ring) {
		ring := make([]*ContainerRun, max(16, 2*len(q.ring)))
		for i := range q.n {
			ring[i] = q.at(i)
		}
		q.ring, q.head = ring, 0
	}
	q.ring[(q.head+q.n)&(len(q.ring)-1)] = r
	q.n++
}

func (q *podRing) at(i int) *ContainerRun { return q.ring[(q.head+i)&(len(q.ring)-1)] }

func (q *podRing) pop() *ContainerRun {
	r := q.ring[q.head]
	q.ring[q.head] = nil
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.n--
	return r
}

// filter keeps those for which keep is true.
func (q *podRing) filter(keep func(*ContainerRun) bool) {
	kept := 0
	for i := range q.n {
		j := (q.head + i) & (len(q.ring) - 1)
		r := q.ring[j]
		q.ring[j] = nil
		if r != nil && keep(r) {
			q.ring[(q.head+kept)&(len(q.ring)-1)] = r
			kept++
		}
	}
	q.n = kept
}
