package executor

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The Pods of an owner are found where they can be, few among many and wherever their UIDs are.
func TestTrackedOf(t *testing.T) {
	for name, uids := range map[string][]UID{
		"one":              {NewUID(1, 5)},
		"in order":         {NewUID(1, 5), NewUID(1, 6), NewUID(1, 9)},
		"in another order": {NewUID(1, 9), NewUID(1, 5), NewUID(1, 6)},
		"far apart":        {NewUID(1, 5), NewUID(1, 1<<40)},
		"adopted":          {NewUID(1, 5), NewUID(7, 1), NewUID(0, 3)},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := NewNode(runtimeFunc(nil), NodeOptions{})
			require.NoError(t, err)
			create := func(tpl *Template, uid UID) {
				_, err := n.Create([]PodRange{{Template: tpl, First: uid, N: 1, Index: -1, Created: 1}})
				require.NoError(t, err)
			}
			mine, others := ownedTemplate(1), ownedTemplate(2)
			for i := range uint64(50) {
				create(others, NewUID(2, i))
			}
			for _, uid := range uids {
				create(mine, uid)
			}
			var found []UID
			for _, r := range n.trackedOf(mine, n.owned[keyOf(mine)]) {
				found = append(found, r.pod.UID)
			}
			assert.ElementsMatch(t, uids, found)
			assert.Len(t, n.trackedOf(others, n.owned[keyOf(others)]), 50)
		})
	}
}
