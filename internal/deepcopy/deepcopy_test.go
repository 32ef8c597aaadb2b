package deepcopy

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

type leaf struct {
	Value  string
	Number *int
}

type tree struct {
	Name     string
	Labels   map[string]string
	Leaves   []leaf
	ByName   map[string]*leaf
	Lists    map[string][]string
	Pair     [2]*leaf
	Raw      json.RawMessage
	Next     *tree
	At       time.Time
	Instant  *time.Time
	Numbers  []int
	Nothing  []int
	None     map[string]int
	internal *leaf
}

func newTree() *tree {
	return &tree{
		Name: "a", Labels: map[string]string{"k": "v"}, Leaves: []leaf{{"x", new(1)}}, ByName: map[string]*leaf{"y": {"y", new(2)}},
		Lists: map[string][]string{"l": {"m"}}, Pair: [2]*leaf{{Value: "p"}, nil}, Raw: json.RawMessage(`{}`),
		Next: &tree{Numbers: []int{1}}, At: time.Unix(1, 2), Instant: new(time.Unix(3, 4)), Numbers: []int{1, 2},
	}
}

func TestOf(t *testing.T) {
	v := newTree()
	v.internal = new(leaf)
	c := Of(v)
	assert.Equal(t, v, c)
	assert.Nil(t, c.Nothing)
	assert.Nil(t, c.None)
	assert.Same(t, v.internal, c.internal)

	c.Labels["k"] = "w"
	*c.Leaves[0].Number, c.Leaves[0].Value = 9, "9"
	*c.ByName["y"].Number = 9
	c.ByName["z"] = nil
	c.Lists["l"][0] = "9"
	c.Pair[0].Value = "9"
	c.Raw[0] = '9'
	c.Next.Numbers[0] = 9
	*c.Instant = time.Time{}
	c.Numbers[0] = 9
	want := newTree()
	want.internal = v.internal
	assert.Equal(t, want, v)
}
