package executor

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/podless/podless/status"
)

// find returns the Pod of that UID, nil if it is not known.
func (n *Node) find(uid UID) *ContainerRun {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r := n.tracked.get(&uid); r != nil {
		return r
	}
	if i := n.kept.index(uid); i >= 0 {
		return n.kept.at(i)
	}
	return nil
}

// Logs returns the log of one container; see [Executor].
func (n *Node) Logs(ctx context.Context, uid UID, opts LogOptions) (io.ReadCloser, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	r := n.find(uid)
	if r == nil {
		return nil, fmt.Errorf("pod %s: %w", uid, status.ErrNotFound)
	}
	log, err := r.logNamed(opts.Container, opts.Previous)
	if err != nil {
		return nil, fmt.Errorf("pod %s: %w", r.pod.Name(), err)
	}
	return log.reader(ctx, opts), nil
}

// check returns what is wrong with o, found before the Pod is looked for.
//
// Kubernetes: core validation ValidatePodLogOptions.
func (o *LogOptions) check() error {
	if o.TailLines != nil && *o.TailLines < 0 {
		return status.FieldErrors{status.Invalid("tailLines", *o.TailLines, notNegative)}
	}
	return nil
}

// logNamed returns the log of a container.
func (r *ContainerRun) logNamed(container string, previous bool) (*containerLog, error) {
	spec := r.pod.Template.Spec
	if container == "" {
		if len(spec.Containers) > 1 {
			names := make([]string, len(spec.Containers))
			for i := range spec.Containers {
				names[i] = spec.Containers[i].Name
			}
			return nil, fmt.Errorf("a container name must be specified, choose one of: %q", names)
		}
		container = spec.Containers[0].Name
	}
	if spec.container(container) == nil {
		return nil, fmt.Errorf("container %s: %w", strconv.Quote(container), status.ErrNotFound)
	}
	m := r.moreOf()
	m.mu.Lock()
	defer m.mu.Unlock()
	log := r.logKept(m, container, previous)
	if log == nil {
		return nil, fmt.Errorf("previous terminated container %q: %w", container, status.ErrNotFound)
	}
	if r.state.Load()&runEnded != 0 {
		log.close()
	}
	return log, nil
}

// logKept returns the log of a container, made if need be; nil if there is no previous run. The caller holds m.mu.
func (r *ContainerRun) logKept(m *runMore, container string, previous bool) *containerLog {
	var kept **containerLog
	switch slow := r.state.Load()&runSlow != 0; {
	case slow && m.rareOf().slow != nil:
		for _, c := range m.rare.slow.all {
			if c.spec.Name == container {
				if kept = &c.log; previous {
					return c.previous
				}
			}
		}
	case previous:
		return nil
	case slow: // it waits to be taken up
		if m.rare.logs == nil {
			m.rare.logs = map[string]*containerLog{}
		}
		if m.rare.logs[container] == nil {
			m.rare.logs[container] = newContainerLog(r.node)
		}
		return m.rare.logs[container]
	default:
		kept = &m.log
	}
	if *kept == nil {
		*kept = newContainerLog(r.node)
	}
	return *kept
}

// eachLog calls f for every log. The caller holds m.mu.
func (m *runMore) eachLog(f func(*containerLog)) {
	if m.log != nil {
		f(m.log)
	}
	if m.rare == nil {
		return
	}
	for _, l := range m.rare.logs {
		f(l)
	}
	if m.rare.slow != nil {
		for _, c := range m.rare.slow.all {
			for _, l := range [...]*containerLog{c.log, c.previous} {
				if l != nil {
					f(l)
				}
			}
		}
	}
}
