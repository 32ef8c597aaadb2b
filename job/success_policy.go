package job

import "fmt"

// successRule is one rule of a success policy with what it has so far, so that a
// Sync need not look at all indexes.
type successRule struct {
	all    bool     // no succeededIndexes: every index counts
	listed IndexSet // read leniently, cut at completions (J-61)
	want   int32    // so many of them
	got    int32
	never  bool // nothing is listed or asked for: the rule is skipped
}

// setSuccessRules prepares the policy for the present completions and indexes.
func (m *Machine) setSuccessRules() {
	m.success = m.success[:0]
	policy := m.job.Spec.SuccessPolicy
	if policy == nil || !m.isIndexed() {
		return
	}
	for _, r := range policy.Rules {
		var s successRule
		if r.SucceededIndexes == nil {
			s.all, s.never = true, r.SucceededCount == nil
		} else {
			s.listed = readIndexSet(*r.SucceededIndexes, m.completions())
			s.want, s.never = int32(s.listed.Len()), s.listed.Len() == 0
		}
		if r.SucceededCount != nil {
			if s.want = *r.SucceededCount; !s.all {
				s.want = min(s.want, int32(s.listed.Len())) // all that are listed are enough
			}
		}
		m.success = append(m.success, s)
	}
	m.index.succeeded().Runs(func(first, last int32) bool {
		for i := int64(first); i <= int64(last); i++ {
			m.countForSuccess(int32(i))
		}
		return true
	})
}

// countForSuccess notes that index i has succeeded.
func (m *Machine) countForSuccess(i int32) {
	for k := range m.success {
		if r := &m.success[k]; r.all || r.listed.Has(i) {
			r.got++
		}
	}
}

// metSuccessRule is J-110: the message of the first rule that is met.
func (m *Machine) metSuccessRule() (message string, ok bool) {
	if m.index.nSucc == 0 {
		return "", false
	}
	for k := range m.success {
		if r := &m.success[k]; !r.never && r.got >= r.want {
			return fmt.Sprintf("Matched rules at index %d", k), true
		}
	}
	return "", false
}
