package container

import (
	"archive/tar"
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/podless/podless/executor"
)

// maxMessage is what is kept of a termination message: its end (P-45).
const maxMessage = 4096

// messageDir is where the files of one Pod are; empty: there are none.
func (r *Runtime) messageDir(pod executor.UID) string {
	if r.opts.MessageDir == "" {
		return ""
	}
	return filepath.Join(r.opts.MessageDir, r.host, pod.String())
}

// newMessageFile makes the file that is mounted at the container's terminationMessagePath (P-49).
func (r *Runtime) newMessageFile(q *request) (string, error) {
	dir := r.messageDir(q.identity.pod)
	if dir == "" {
		return "", nil
	}
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return "", err
	}
	file := filepath.Join(dir, q.container+"."+strconv.Itoa(int(q.restart)))
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|syscall.O_NOFOLLOW, 0o666)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return file, f.Chmod(0o666) // whoever the container runs as
}

// readMessage returns the container's termination message.
func (u *run) readMessage(ctx context.Context, id string, state container.InspectResponse) string {
	path := messagePath(u.spec)
	for _, m := range state.Mounts {
		if m.Destination == path && u.r.messageDir(u.identity.pod) != "" && filepath.Dir(m.Source) == u.r.messageDir(u.identity.pod) {
			f, err := os.OpenFile(m.Source, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
			if err != nil {
				return ""
			}
			defer f.Close()
			info, err := f.Stat()
			if err != nil || !info.Mode().IsRegular() {
				return ""
			}
			if over := info.Size() - maxMessage; over > 0 {
				f.Seek(over, io.SeekStart)
			}
			b, _ := io.ReadAll(io.LimitReader(f, maxMessage))
			return string(b)
		}
	}
	return u.copyMessage(ctx, id, path)
}

// copyMessage copies the message out of an ended container.
func (u *run) copyMessage(ctx context.Context, id, path string) string {
	var answer client.CopyFromContainerResult
	err := u.r.try(ctx, func() (err error) {
		answer, err = u.r.api.CopyFromContainer(ctx, id, client.CopyFromContainerOptions{SourcePath: path})
		return err
	})
	if err != nil {
		return ""
	}
	defer answer.Content.Close()
	archive := tar.NewReader(answer.Content)
	header, err := archive.Next()
	if err != nil || header.Typeflag != tar.TypeReg {
		return ""
	}
	if over := header.Size - maxMessage; over > 0 {
		io.CopyN(io.Discard, archive, over)
	}
	b, _ := io.ReadAll(io.LimitReader(archive, maxMessage))
	return string(b)
}
