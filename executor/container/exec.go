package container

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
)

// Exec runs a command inside a running container. See [executor.Execer].
func (r *Runtime) Exec(ctx context.Context, handle string, command []string, stdout, stderr io.Writer) (code int, err error) {
	if len(command) == 0 {
		return 0, errors.New("container: exec: command: empty: want at least the program")
	}
	made, err := r.api.ExecCreate(ctx, handle, client.ExecCreateOptions{Cmd: command, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return 0, fmt.Errorf("container: exec in %s: %w", handle, err)
	}
	stream, err := r.api.ExecAttach(ctx, made.ID, client.ExecAttachOptions{})
	if err != nil {
		return 0, fmt.Errorf("container: exec in %s: %w", handle, err)
	}
	defer stream.Close()
	defer context.AfterFunc(ctx, stream.Close)() // ends the copy
	if stdout == nil {
		stdout = io.Discard
	}
	if stderr == nil {
		stderr = io.Discard
	}
	if _, err := stdcopy.StdCopy(stdout, stderr, stream.Reader); err != nil {
		return 0, fmt.Errorf("container: exec in %s: %w", handle, errors.Join(ctx.Err(), err))
	}
	found, err := r.api.ExecInspect(ctx, made.ID, client.ExecInspectOptions{})
	if err != nil {
		return 0, fmt.Errorf("container: exec in %s: %w", handle, err)
	}
	return found.ExitCode, nil
}
