package executor

// ownedPods says how many Pods of one owner the Node has and where the ended ones are kept, so
// that the deletion of one Job need not look at the Pods of all others.
type ownedPods struct {
	tracked     int
	low, high   UID // between which the tracked ones are, if there are any
	kept        int
	first, last uint64 // places in Node.kept between which they are, if there are any
}

// ownerKey is the UID of an owner, or else the Template itself.
type ownerKey struct {
	uid string
	t   *Template
}

func keyOf(t *Template) ownerKey {
	if t.Owner.UID != "" {
		return ownerKey{uid: t.Owner.UID}
	}
	return ownerKey{t: t}
}

// ownerCache remembers what was found last: most of the time it is the next one.
type ownerCache struct {
	t *Template
	o *ownedPods
}

// ownedBy returns the account of t's owner, made if need be. The caller holds n.mu.
func (n *Node) ownedBy(t *Template, c *ownerCache) *ownedPods {
	if c.t == t {
		return c.o
	}
	key := keyOf(t)
	o := n.owned[key]
	if o == nil {
		if n.owned == nil {
			n.owned = map[ownerKey]*ownedPods{}
		}
		o = new(ownedPods)
		n.owned[key] = o
	}
	c.t, c.o = t, o
	return o
}

// disown forgets an account that is empty, unless Pods of t are likely to come.
func (n *Node) disown(t *Template, o *ownedPods) {
	if o.tracked > 0 || o.kept > 0 || t == n.template {
		return
	}
	delete(n.owned, keyOf(t))
	for _, c := range [...]*ownerCache{&n.creating, &n.settling, &n.dropping} {
		if c.o == o {
			*c = ownerCache{}
		}
	}
}

// track adds r. The caller holds n.mu.
func (n *Node) track(place int, r *ContainerRun) {
	n.tracked.fill(place, r)
	o := n.ownedBy(r.pod.Template, &n.creating)
	switch uid := r.pod.UID; {
	case o.tracked == 0:
		o.low, o.high = uid, uid
	case uid.Compare(o.high) > 0: // as a rule
		o.high = uid
	case uid.Compare(o.low) < 0:
		o.low = uid
	}
	o.tracked++
}

// trackedOf returns the tracked Pods of t's owner, whose account o is. The caller holds n.mu.
func (n *Node) trackedOf(t *Template, o *ownedPods) []*ContainerRun {
	found := make([]*ContainerRun, 0, o.tracked)
	if o.tracked == 0 {
		return found
	}
	look := func(r *ContainerRun) bool {
		if r != nil && keyOf(r.pod.Template) == keyOf(t) {
			found = append(found, r)
		}
		return len(found) < o.tracked
	}
	first, last := o.low.Ordinal(), o.high.Ordinal()
	if o.low.High() != o.high.High() || last-first >= uint64(n.tracked.n) {
		n.tracked.each(look)
		return found
	}
	for more := true; more && first <= last; first++ {
		uid := NewUID(o.low.High(), first)
		more = look(n.tracked.get(&uid))
	}
	return found
}

// settle lets an ended and untracked Pod leave the table, for ever or to be kept for a while. The caller holds n.mu.
func (n *Node) settle(r *ContainerRun) {
	t := r.pod.Template
	o := n.ownedBy(t, &n.settling)
	n.tracked.remove(&r.pod.UID)
	o.tracked--
	switch {
	case r.state.Load()&runDeleted != 0:
		n.remove(r, true)
	case n.opts.KeepTerminated == 0:
		n.remove(r, false)
	default:
		if n.kept.live >= n.opts.KeepTerminated {
			n.dropOldest()
		}
		o.last = n.kept.push(r)
		if o.kept++; o.kept == 1 {
			o.first = o.last
		}
		return
	}
	n.disown(t, o)
}

// dropOldest forgets the oldest kept Pod and reports whether there was one. The caller holds n.mu.
func (n *Node) dropOldest() bool {
	uid, t, r := n.kept.pop()
	if t == nil {
		return false
	}
	o := n.ownedBy(t, &n.dropping)
	o.kept--
	n.removeKept(uid, r, false)
	n.disown(t, o)
	return true
}

// removeKept forgets a Pod that was kept; r is nil if there is no more to say of it than its record. The caller holds n.mu.
func (n *Node) removeKept(uid UID, r *ContainerRun, gone bool) {
	if r != nil {
		n.remove(r, gone)
		return
	}
	if gone {
		n.leaves(uid)
	}
	n.cleanUp(uid, true)
}

// dropKept removes those of the kept Pods of t's owner that have one of these UIDs, all if that is nil. The caller holds n.mu.
func (n *Node) dropKept(t *Template, uids map[UID]bool) {
	key := keyOf(t)
	o := n.owned[key]
	if o == nil || o.kept == 0 {
		return
	}
	from := max(o.first, n.kept.base)
	for i := int(from - n.kept.base); i < n.kept.n && i <= int(o.last-n.kept.base); i++ {
		if of := n.kept.template(i); of == nil || keyOf(of) != key {
			continue
		}
		if uids == nil || uids[n.kept.uid(i)] {
			uid, r := n.kept.drop(i)
			n.removeKept(uid, r, true)
			o.kept--
		}
	}
	n.disown(t, o)
	n.closeHoles()
}

// dropUIDs removes those of the kept Pods, whoever owns them. The caller holds n.mu.
func (n *Node) dropUIDs(uids map[UID]bool) {
	for i := range n.kept.n {
		if t := n.kept.template(i); t != nil && uids[n.kept.uid(i)] {
			uid, r := n.kept.drop(i)
			n.removeKept(uid, r, true)
			o := n.ownedBy(t, &n.dropping)
			o.kept--
			n.disown(t, o)
		}
	}
	n.closeHoles()
}

// closeHoles compacts the kept Pods if that is worth while.
func (n *Node) closeHoles() {
	if !n.kept.compact() {
		return
	}
	for i := n.kept.n - 1; i >= 0; i-- {
		n.owned[keyOf(n.kept.template(i))].first = n.kept.base + uint64(i)
	}
	for i := range n.kept.n {
		n.owned[keyOf(n.kept.template(i))].last = n.kept.base + uint64(i)
	}
}
