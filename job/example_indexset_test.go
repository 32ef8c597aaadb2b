package job_test

import (
	"fmt"

	"github.com/podless/podless/job"
)

// Status.CompletedIndexes and FailedIndexes are IndexSets, with Kubernetes' text form.
func ExampleParseIndexSet() {
	s, err := job.ParseIndexSet("1,3-5,7", 10)
	if err != nil {
		panic(err)
	}
	fmt.Println(s, s.Len(), s.Has(4), s.Has(6))
	s.Runs(func(first, last int32) bool {
		fmt.Println(first, last)
		return true
	})
	_, err = job.ParseIndexSet("3-12", 10)
	fmt.Println(err)
	// Output:
	// 1,3-5,7 5 true false
	// 1 1
	// 3 5
	// 7 7
	// too large index: "12"
}
