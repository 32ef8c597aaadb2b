// Package executortest is for tests of and with executors.
//
// [Run] and [RunRuntime] are the contract of [executor.Executor] and [executor.Runtime], sentence by sentence: whoever
// brings an executor or a runtime of their own wires it in about 25 lines.
//
// [Script] is an Executor whose containers do what a table says, for tests of what a Job manifest will do. In
// testing/synctest its hours take no time.
//
// [Fake] is an Executor of which the test plays the kubelet; [Kubelet] is its core without goroutines and clock.
//
// Nothing here belongs into a program: it is never imported but by tests.
package executortest
