package executor_test

import (
	"fmt"
	"slices"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// A Pod's UID is two numbers; its text and its name are made on demand.
func ExampleUID() {
	uid := executor.NewUID(0x1234, 7)
	fmt.Println(uid, uid.Ordinal())
	again, err := executor.ParseUID(uid.String())
	fmt.Println(again == uid, err)

	template := &executor.Template{Owner: status.OwnerReference{Kind: "Job", Name: "pi"}, Indexed: true}
	fmt.Println(template.PodName(uid, 3) == template.PodName(executor.NewUID(0x1234, 8), 3))
	// Output:
	// 00000000-0000-1234-0000-000000000007 7
	// true <nil>
	// false
}

// UIDs are in order of their Jobs, and within a Job in order of creation.
func ExampleUID_Compare() {
	uids := []executor.UID{executor.NewUID(2, 1), executor.NewUID(1, 8), executor.NewUID(1, 7)}
	slices.SortFunc(uids, executor.UID.Compare)
	for _, uid := range uids {
		fmt.Println(uid)
	}
	// Output:
	// 00000000-0000-0001-0000-000000000007
	// 00000000-0000-0001-0000-000000000008
	// 00000000-0000-0002-0000-000000000001
}
