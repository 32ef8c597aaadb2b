package process

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// envMessage is the variable that holds the path of the termination message.
const envMessage = "TERMINATION_LOG"

// defaultMessagePath is where Kubernetes puts the file unless the manifest says otherwise.
const defaultMessagePath = "/dev/termination-log"

// maxMessage is what is kept of a message: its end (P-45).
const maxMessage = 4096

// message is the file through which one run of a container may say why it ended.
type message struct {
	path  string
	own   bool        // made for this run alone: removed once it is read
	stale fs.FileInfo // what stood there before, if it is not our own
}

func (r *Runtime) newMessage(c *command) (message, error) {
	if c.message == "" || c.message == defaultMessagePath {
		name := "podless-" + r.token + "-" + c.uid + "-" + c.container + "-" + strconv.Itoa(int(c.run)) // P-49
		return message{path: filepath.Join(r.opts.TempDir, name), own: true}, nil
	}
	if !filepath.IsAbs(c.message) {
		return message{}, fmt.Errorf("terminationMessagePath %q: must be an absolute path", c.message)
	}
	m := message{path: c.message}
	m.stale, _ = os.Stat(m.path)
	return m, nil
}

// read returns what the run wrote, nothing if it wrote nothing.
func (m *message) read() string {
	// A FIFO would block, a symbolic link might lead to what the host may read and the container may not.
	f, err := os.OpenFile(m.path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	if m.own {
		defer os.Remove(m.path)
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return ""
	}
	if m.stale != nil && os.SameFile(m.stale, info) && m.stale.ModTime().Equal(info.ModTime()) && m.stale.Size() == info.Size() {
		return ""
	}
	if over := info.Size() - maxMessage; over > 0 {
		if _, err := f.Seek(over, io.SeekStart); err != nil {
			return ""
		}
	}
	b, _ := io.ReadAll(io.LimitReader(f, maxMessage))
	return string(b)
}
