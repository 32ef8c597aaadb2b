package executortest_test

import (
	"fmt"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/status"
)

// The test plays the kubelet: it says when a Pod runs and how it ends. Usually the
// Pods are made by a job.Controller that was given the Fake as its executor.
func ExampleFake() {
	fake := executortest.NewFake(executortest.FakeOptions{})
	_, err := fake.Create([]executor.PodRange{{
		Template: &executor.Template{
			Owner: status.OwnerReference{Kind: "Job", Name: "pi", UID: "1"},
			Spec:  &executor.PodSpec{Containers: []executor.Container{{Name: "main"}}},
		},
		First: executor.NewUID(1, 0), N: 2, Index: -1,
	}})
	if err != nil {
		panic(err)
	}
	for _, pod := range fake.List(executortest.OfJob("pi"), (*executor.PodState).Active) {
		if err := fake.Start(pod.Pod.UID, true); err != nil {
			panic(err)
		}
	}
	first := fake.List()[0].Pod.UID
	if err := fake.Fail(first, executortest.Failure{ExitCode: 42}); err != nil {
		panic(err)
	}
	for _, pod := range fake.List() {
		fmt.Println(pod.Phase, pod.ExitCode)
	}
	// Output:
	// Failed 42
	// Running 0
}

// A Kubelet is the same without goroutines, for simulations in virtual time.
func ExampleKubelet() {
	k := executortest.NewKubelet(executortest.FakeOptions{})
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	uid, err := k.Add(now, executortest.StrayPod{Name: "stray", Phase: executor.Running, Spec: &executor.PodSpec{
		NodeName: "a", Containers: []executor.Container{{Name: "main"}},
	}})
	if err != nil {
		panic(err)
	}
	k.Delete(now, []executor.UID{uid}, -1)
	fmt.Println(k.NextEvent().Sub(now))
	k.Advance(k.NextEvent())
	states, gone := k.Changes()
	fmt.Println(states[0].Phase, states[0].ExitCode, len(gone))
	// Output:
	// 1.5s
	// Failed 143 1
}
