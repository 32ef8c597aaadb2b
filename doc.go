// Package podless gives a Go program the Kubernetes Job and CronJob, without a cluster: the same fields, the same
// conditions and events, the same answers to "what if a Pod fails now?", in a library that a service imports.
//
// Work runs as Pods. A Pod is one attempt at a Job's template, and is a goroutine, an operating-system process or a
// container, depending on the executor that the host application plugs in.
//
// # The shortest useful program
//
//	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
//		"resize": func(ctx context.Context, c *goroutine.Container) error { return resize(ctx, c.Index()) },
//	}), executor.NodeOptions{})
//	…
//	done, err := job.Run(ctx, node, job.Spec{
//		CompletionMode: new(job.Indexed),
//		Completions:    new(int32(100)),
//		Parallelism:    new(int32(8)),
//		Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
//			Containers:    []executor.Container{{Name: "main", Image: "resize"}},
//			RestartPolicy: executor.RestartNever,
//		}},
//	})
//
// A service that has many Jobs keeps one [github.com/podless/podless/job.Controller] and creates, watches, suspends and
// deletes Jobs by name.
//
// # The packages
//
//   - [github.com/podless/podless/job]: the Job: spec, status, defaults, validation, the pure Machine, the Controller.
//   - [github.com/podless/podless/cronjob]: the CronJob: the same, one floor up. Its folder manifest reads YAML and JSON.
//   - [github.com/podless/podless/executor]: the Pod, and the seams where Pods and containers are run; Node makes Pods of
//     containers. Its folders goroutine, process and container are the runtimes; executortest has the conformance suite and two
//     aids for tests.
//   - [github.com/podless/podless/status]: what is known of an object, and the Store where that is kept; its folder
//     boltstore is durable.
//
// # The contract
//
// The outcome is that of Kubernetes v1.36: batch/v1, every feature gate at its default. It is held against cases recorded
// from Kubernetes' own controllers.
//
// Every finished Pod is counted exactly once, across crashes of the host, if a durable Store is given. A Pod may run more than once,
// as on Kubernetes: work should be idempotent.
//
// A Pod of one plain container costs about as much as a task of an errgroup, and no more when there are a million of
// them.
//
// Codes in the documentation such as (J-41) or (P-22) are the numbers by which the code and its tests name the rules of
// Kubernetes: A fields and defaults, V validation, J Job, K conditions, E events, T TTL, G Pod garbage collection, C CronJob, P what a
// node does with a Pod.
//
// # The limits
//
// One process owns its Jobs: there is no leader election, and no API server. A goroutine cannot be killed: one that ignores
// its context keeps its Pod terminating until it returns. What a runtime cannot honour of a Pod's spec is kept and told in a warning
// event, never dropped in silence.
package podless
