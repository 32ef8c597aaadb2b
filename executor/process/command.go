package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// inherit picks the named variables out of environ.
func inherit(environ, names []string) []string {
	if slices.Contains(names, "*") {
		return environ
	}
	var picked []string
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		if slices.Contains(names, name) {
			picked = append(picked, kv)
		}
	}
	return picked
}

// environ returns the environment of c as KEY=value, each key once, and the value of PATH.
func (r *Runtime) environ(c *command, messagePath string) (env []string, path string, err error) {
	env = make([]string, 0, len(r.inherited)+len(c.env)+6)
	at := make(map[string]int, cap(env))
	set := func(name, value string, overwrite bool) {
		i, known := at[name]
		switch {
		case !known:
			at[name] = len(env)
			env = append(env, name+"="+value)
		case overwrite:
			env[i] = name + "=" + value
		}
	}
	for _, kv := range r.inherited {
		if name, value, ok := strings.Cut(kv, "="); ok {
			set(name, value, true)
		}
	}
	for _, e := range c.env {
		if strings.IndexByte(e.Name, 0) >= 0 || strings.IndexByte(e.Value, 0) >= 0 {
			return nil, "", fmt.Errorf("env %q: must not contain a NUL byte", e.Name)
		}
		set(e.Name, e.Value, true)
	}
	set("PATH", r.opts.Path, false)
	if c.hostname != "" {
		set("HOSTNAME", c.hostname, false)
	}
	set(envMessage, messagePath, true)
	set(envPodUID, c.uid, true)
	set(envContainer, c.container, true)
	set(envHost, r.host(), true)
	return env, env[at["PATH"]][len("PATH="):], nil
}

// find returns the file that name stands for (see the package comment for the rule).
func find(name, path, dir string) (string, error) {
	if strings.Contains(name, "/") {
		file := name
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		if err := executable(file); err != nil {
			return "", fmt.Errorf("exec %q: %w", name, err)
		}
		return file, nil
	}
	refused := error(nil)
	for entry := range strings.SplitSeq(path, ":") {
		if !filepath.IsAbs(entry) {
			continue
		}
		file := filepath.Join(entry, name)
		err := executable(file)
		if err == nil {
			return file, nil
		}
		if refused == nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			refused = err
		}
	}
	if refused != nil {
		return "", fmt.Errorf("exec %q: %w", name, refused)
	}
	return "", fmt.Errorf("exec %q: executable file not found in PATH %q", name, path)
}

// executable says why the file cannot be executed. What it cannot see, such as a missing
// interpreter, exec itself will tell.
func executable(file string) error {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s: %w", file, syscall.EISDIR)
	case info.Mode()&0o111 == 0:
		return fmt.Errorf("%s: %w", file, syscall.EACCES)
	}
	return nil
}

// prepare turns c into the arguments of a fork and exec.
func (r *Runtime) prepare(c *command, messagePath string) (file string, attr *syscall.ProcAttr, err error) {
	if len(c.argv) == 0 || c.argv[0] == "" {
		return "", nil, errors.New("command: required: a process has no image to take an entrypoint from")
	}
	for _, arg := range c.argv {
		if strings.IndexByte(arg, 0) >= 0 {
			return "", nil, fmt.Errorf("command %q: must not contain a NUL byte", arg)
		}
	}
	dir := c.dir
	if dir == "" {
		dir = r.opts.Dir
	}
	if dir != "" {
		info, err := os.Stat(dir)
		if err != nil {
			return "", nil, fmt.Errorf("workingDir: %w", err)
		}
		if !info.IsDir() {
			return "", nil, fmt.Errorf("workingDir: %s: %w", dir, syscall.ENOTDIR)
		}
	}
	env, path, err := r.environ(c, messagePath)
	if err != nil {
		return "", nil, err
	}
	if file, err = find(c.argv[0], path, dir); err != nil {
		return "", nil, err
	}
	sys := sysProcAttr()
	if c.user != nil || c.group != nil {
		cred := &syscall.Credential{Uid: uint32(os.Getuid()), Gid: uint32(os.Getgid())}
		if c.user != nil {
			cred.Uid = uint32(*c.user)
		}
		if c.group != nil {
			cred.Gid = uint32(*c.group)
		}
		sys.Credential = cred
	}
	return file, &syscall.ProcAttr{Dir: dir, Env: env, Sys: sys}, nil
}

// startError tells what may go better a moment later from what will not.
func startError(file string, err error) error {
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ETXTBSY):
		return &executor.WaitingError{Reason: status.ReasonRunContainerError, Message: fmt.Sprintf("exec %s: %v", file, err)}
	case errors.Is(err, syscall.ENOENT):
		return fmt.Errorf("exec %s: %w (its interpreter or loader)", file, err)
	}
	return fmt.Errorf("exec %s: %w", file, err)
}
