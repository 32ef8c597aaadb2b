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

// find returns where the Pod is, or the free place where it would be. The table is not empty.
func (t *podTable) find(u *UID) int {
	mask := len(t.slots) - 1
	for i := t.home(u) & mask; ; i = (i + 1) & mask {
		if s := &t.slots[i]; s.run == nil || s.uid == *u {
			return i
		}
	}
}

func (t *podTable) get(u *UID) *ContainerRun {
	if t.n == 0 {
		return nil
	}
	return t.slots[t.find(u)].run
}

// reserve makes room for n more Pods.
func (t *podTable) reserve(n int) {
	size := max(podTableMin, len(t.slots))
	for 4*(t.n+n) > 3*size {
		size *= 2
	}
	if size > len(t.slots) {
		t.resize(size)
	}
}

// room returns the place for a Pod, and the Pod itself if it is there.
func (t *podTable) room(u *UID) (int, *ContainerRun) {
	t.reserve(1)
	i := t.find(u)
	return i, t.slots[i].run
}

// fill puts r at the free place i that room has returned.
func (t *podTable) fill(i int, r *ContainerRun) {
	t.n++
	s := &t.slots[i]
	s.uid, s.run = r.pod.UID, r
}

// remove takes the Pod out.
func (t *podTable) remove(u *UID) {
	if t.n == 0 {
		return
	}
	mask := len(t.slots) - 1
	i := t.find(u)
	if t.slots[i].run == nil {
		return
	}
	for j := (i + 1) & mask; t.slots[j].run != nil; j = (j + 1) & mask {
		if h := t.home(&t.slots[j].uid); (j-h)&mask >= (j-i)&mask { // may move back to i
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i].run = nil
	t.n--
	if len(t.slots) > podTableMin && 32*t.n < len(t.slots) {
		t.resize(max(podTableMin, len(t.slots)/8))
	}
}

func (t *podTable) resize(size int) {
	old := t.slots
	t.slots, t.shift = make([]podSlot, size), 64
	for ; size > 1; size /= 2 {
		t.shift--
	}
	for i := range old {
		if old[i].run != nil {
			t.slots[t.find(&old[i].uid)] = old[i]
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
	if len(q.ring) > 4096 && 32*q.n < len(q.ring) {
		q.resize(len(q.ring) / 8)
	}
	return r
}

func (q *podQueue) has(r *ContainerRun) bool {
	for i := range q.n {
		if q.ring[(q.head+i)&(len(q.ring)-1)] == r {
			return true
		}
	}
	return false
}

// compact lets go of the Pods that have ended if they are the greater part: all but live of those in the queue.
func (q *podQueue) compact(live int) {
	if q.n < 64 || 2*live > q.n {
		return
	}
	size := len(q.ring)
	for size > 64 && 4*live < size {
		size /= 2
	}
	ring, kept := make([]*ContainerRun, size), 0
	for i := range q.n {
		if r := q.at(i); r.state.Load()&runEnded == 0 {
			ring[kept] = r
			kept++
		}
	}
	q.ring, q.head, q.n = ring, 0, kept
}

func (q *podQueue) resize(size int) {
	ring := make([]*ContainerRun, size)
	for i := range q.n {
		ring[i] = q.ring[(q.head+i)&(len(q.ring)-1)]
	}
	q.ring, q.head = ring, 0
}
