package executor

// poolNode is one Node of a Pool.
type poolNode struct{}
