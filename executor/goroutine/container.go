package goroutine

import (
	"io"

	"github.com/podless/podless/executor"
)

// Container is what a [Func] learns about the container that it is.
type Container executor.ContainerRun

func (c *Container) run() *executor.ContainerRun { return (*executor.ContainerRun)(c) }

// Args returns the container's command and arguments, $(NAME) expanded. The slice must not be changed.
func (c *Container) Args() []string {
	command, args := c.run().Command(), c.run().Args()
	if len(command) == 0 {
		return args
	}
	return append(command[:len(command):len(command)], args...)
}

// Env returns the container's environment as NAME=VALUE, only what its Pod says: not the host's.
func (c *Container) Env() []string {
	vars := c.run().Env()
	env := make([]string, len(vars))
	for i, v := range vars {
		env[i] = v.Name + "=" + v.Value
	}
	return env
}

// Getenv returns the value of one variable of the container's environment.
func (c *Container) Getenv(name string) string { return c.run().Getenv(name) }

// Stdout returns where the container's output goes: its log.
func (c *Container) Stdout() io.Writer { return c.run().Stdout() }

// Stderr returns where the container's errors go: the same log.
func (c *Container) Stderr() io.Writer { return c.run().Stderr() }

// Index returns the Pod's completion index, or -1 if its Job is not Indexed.
func (c *Container) Index() int { return int(c.run().Pod().Index) }

// Pod returns the container's Pod.
func (c *Container) Pod() *executor.Pod { return c.run().Pod() }

// Name returns the container's name in the Pod.
func (c *Container) Name() string { return c.run().Name() }

// Restart returns how often the container was started before in this Pod.
func (c *Container) Restart() int { return int(c.run().Restart()) }

// WorkingDir returns the container's working directory. The host's own does not follow it.
func (c *Container) WorkingDir() string { return c.run().WorkingDir() }

// Hostname returns the Pod's host name.
func (c *Container) Hostname() string { return c.run().Hostname() }
