package executor_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/status"
)

// ticks writes "line 0" … "line 4", one each second, the first at once.
func ticks(_ context.Context, c *goroutine.Container) error {
	for i := range 5 {
		fmt.Fprintf(c.Stdout(), "line %d\n", i)
		time.Sleep(time.Second)
	}
	fmt.Fprint(c.Stderr(), "no end of line")
	return nil
}

var chatty = map[string]goroutine.Func{
	"ticks": ticks,
	"megabytes": func(_ context.Context, c *goroutine.Container) error {
		for i := range 100000 {
			fmt.Fprintf(c.Stdout(), "this is line number %06d\n", i)
		}
		return nil
	},
	"kilobyte": func(_ context.Context, c *goroutine.Container) error {
		fmt.Fprint(c.Stdout(), strings.Repeat("x", 1023)+"\n")
		return nil
	},
}

func TestLogsOfAnEndedContainer(t *testing.T) {
	begin := time.Time{}
	for name, tt := range map[string]struct {
		opts func() executor.LogOptions
		want string
	}{
		"all":                       {func() executor.LogOptions { return executor.LogOptions{} }, "line 0\nline 1\nline 2\nline 3\nline 4\nno end of line"},
		"Follow ends with it":       {func() executor.LogOptions { return executor.LogOptions{Follow: true} }, "line 0\nline 1\nline 2\nline 3\nline 4\nno end of line"},
		"TailLines 0":               {func() executor.LogOptions { return executor.LogOptions{TailLines: new(int64(0))} }, ""},
		"TailLines 2":               {func() executor.LogOptions { return executor.LogOptions{TailLines: new(int64(2))} }, "line 4\nno end of line"},
		"TailLines more than there": {func() executor.LogOptions { return executor.LogOptions{TailLines: new(int64(99))} }, "line 0\nline 1\nline 2\nline 3\nline 4\nno end of line"},
		"SinceTime at a line":       {func() executor.LogOptions { return executor.LogOptions{SinceTime: begin.Add(3 * time.Second)} }, "line 3\nline 4\nno end of line"},
		"SinceTime between lines":   {func() executor.LogOptions { return executor.LogOptions{SinceTime: begin.Add(3500 * time.Millisecond)} }, "line 4\nno end of line"},
		"SinceTime after the end":   {func() executor.LogOptions { return executor.LogOptions{SinceTime: begin.Add(time.Hour)} }, ""},
		"SinceTime and TailLines": {func() executor.LogOptions {
			return executor.LogOptions{SinceTime: begin.Add(time.Second), TailLines: new(int64(3))}
		}, "line 3\nline 4\nno end of line"},
		"Timestamps": {func() executor.LogOptions {
			return executor.LogOptions{Timestamps: true, TailLines: new(int64(2))}
		}, "2000-01-01T00:00:04.000000000Z line 4\n2000-01-01T00:00:05.000000000Z no end of line"},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, chatty, executor.NodeOptions{}, func(t *testing.T, h *house) {
				begin = time.Now()
				h.create(t, template("ticks"), 1, 1)
				time.Sleep(time.Minute)
				assert.Equal(t, tt.want, h.read(t, 1, tt.opts()))
			})
		})
	}
}

func TestFollow(t *testing.T) {
	within(t, chatty, executor.NodeOptions{Capacity: executor.Capacity{Pods: 1}}, func(t *testing.T, h *house) {
		h.create(t, template("ticks"), 1, 2)
		synctest.Wait()
		for _, i := range []int{1, 2} { // the second one waits for the first
			r, err := h.node.Logs(t.Context(), uid(i), executor.LogOptions{Follow: true})
			require.NoError(t, err)
			in := bufio.NewReader(r)
			for k := range 5 {
				line, err := in.ReadString('\n')
				require.NoError(t, err)
				assert.Equal(t, fmt.Sprintf("line %d\n", k), line)
			}
			rest, err := io.ReadAll(in)
			require.NoError(t, err)
			assert.Equal(t, "no end of line", string(rest))
			require.NoError(t, r.Close())
		}
	})
}

func TestAFollowingReaderIsLetGo(t *testing.T) {
	for name, tt := range map[string]struct {
		do   func(h *house, r io.Closer, cancel context.CancelFunc)
		want error
	}{
		"by its context":           {func(_ *house, _ io.Closer, cancel context.CancelFunc) { cancel() }, context.Canceled},
		"by Close":                 {func(_ *house, r io.Closer, _ context.CancelFunc) { r.Close() }, io.ErrClosedPipe},
		"by the end of the Pod":    {func(h *house, _ io.Closer, _ context.CancelFunc) { time.Sleep(time.Minute) }, nil},
		"by the end of the host":   {func(h *house, _ io.Closer, _ context.CancelFunc) { h.stop() }, nil},
		"by the Pod's removal":     {func(h *house, _ io.Closer, _ context.CancelFunc) { h.node.Delete(template("minute"), nil, 0) }, nil},
		"by the deadline of a ctx": {func(h *house, _ io.Closer, _ context.CancelFunc) { time.Sleep(31 * time.Second) }, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, ran, executor.NodeOptions{}, func(t *testing.T, h *house) {
				image := "minute"
				if strings.Contains(name, "host") || strings.Contains(name, "removal") {
					image = "stop"
				}
				h.create(t, template(image), 1, 1)
				ctx, cancel := context.WithCancel(t.Context())
				if strings.Contains(name, "deadline") {
					ctx, cancel = context.WithTimeout(t.Context(), 30*time.Second)
				}
				defer cancel()
				r, err := h.node.Logs(ctx, uid(1), executor.LogOptions{Follow: true})
				require.NoError(t, err)
				got := make(chan error, 1)
				go func() { _, err := io.ReadAll(r); got <- err }()
				synctest.Wait()
				tt.do(h, r, cancel)
				synctest.Wait()
				select {
				case err := <-got:
					assert.ErrorIs(t, err, tt.want)
				default:
					assert.Fail(t, "it still waits")
				}
				r.Close()
			})
		})
	}
}

// What ends first is what Read says: the log with io.EOF, ctx with its error.
func TestAFollowingReaderWhoseContextEnds(t *testing.T) {
	within(t, chatty, executor.NodeOptions{}, func(t *testing.T, h *house) {
		follow := func() (io.ReadCloser, context.CancelFunc) {
			ctx, cancel := context.WithCancel(t.Context())
			r, err := h.node.Logs(ctx, uid(1), executor.LogOptions{Follow: true})
			require.NoError(t, err)
			return r, cancel
		}
		h.create(t, template("ticks"), 1, 1)
		synctest.Wait()
		early, cancel := follow()
		cancel()
		_, err := io.ReadAll(early)
		assert.ErrorIs(t, err, context.Canceled)

		time.Sleep(time.Minute)
		late, cancel := follow()
		_, err = io.ReadFull(late, make([]byte, len("line 0\nline 1\nline 2\nline 3\nline 4\nno end of line")))
		require.NoError(t, err)
		cancel()
		_, err = late.Read(make([]byte, 1))
		assert.Equal(t, io.EOF, err)

		unread, cancel := follow()
		cancel()
		_, err = unread.Read(make([]byte, 1))
		assert.ErrorIs(t, err, context.Canceled)
	})
}

// A reader that has read a part does not trip over a log that is not there any more.
func TestAFollowingReaderOfARemovedLog(t *testing.T) {
	within(t, chatty, executor.NodeOptions{}, func(t *testing.T, h *house) {
		tpl := template("ticks")
		h.create(t, tpl, 1, 1)
		synctest.Wait()
		r, err := h.node.Logs(t.Context(), uid(1), executor.LogOptions{Follow: true})
		require.NoError(t, err)
		_, err = io.ReadFull(r, make([]byte, len("line 0\n")))
		require.NoError(t, err)
		time.Sleep(time.Minute)
		h.node.Delete(tpl, nil, 0)
		h.untrack(tpl, 1)
		synctest.Wait()
		_, err = r.Read(make([]byte, 1))
		assert.Equal(t, io.EOF, err)
	})
}

func TestALogIsBounded(t *testing.T) {
	within(t, chatty, executor.NodeOptions{MaxLogBytes: 10000}, func(t *testing.T, h *house) {
		h.create(t, template("megabytes"), 1, 1)
		synctest.Wait()
		got := h.read(t, 1, executor.LogOptions{})
		assert.LessOrEqual(t, len(got), 10000)
		assert.Greater(t, len(got), 5000)
		assert.True(t, strings.HasSuffix(got, "this is line number 099999\n"))
		assert.True(t, strings.HasPrefix(got, "this is line number "), "cut at a line: %.40q", got)
	})
}

func TestAllLogsAreBounded(t *testing.T) {
	within(t, chatty, executor.NodeOptions{KeepLogBytes: 5000, Capacity: executor.Capacity{Pods: 1}}, func(t *testing.T, h *house) {
		tpl := template("kilobyte")
		for i := 1; i <= 10; i++ {
			h.create(t, tpl, i, 1)
			synctest.Wait()
			h.untrack(tpl, i)
		}
		_, err := h.node.Logs(t.Context(), uid(6), executor.LogOptions{})
		assert.ErrorIs(t, err, status.ErrNotFound)
		for i := 7; i <= 10; i++ {
			assert.Len(t, h.read(t, i, executor.LogOptions{}), 1024)
		}
	})
	within(t, chatty, executor.NodeOptions{KeepLogBytes: 5000}, func(t *testing.T, h *house) {
		h.create(t, template("megabytes"), 1, 1)
		synctest.Wait()
		assert.LessOrEqual(t, len(h.read(t, 1, executor.LogOptions{})), 5000, "one that runs is cut, too")
	})
}

func TestLogsWithOptionsThatAreNotValid(t *testing.T) {
	within(t, chatty, executor.NodeOptions{}, func(t *testing.T, h *house) {
		h.create(t, template("kilobyte"), 1, 1)
		synctest.Wait()
		for _, n := range []int64{-1, -2} {
			for _, pod := range []int{1, 9} {
				_, err := h.node.Logs(t.Context(), uid(pod), executor.LogOptions{TailLines: &n})
				assert.EqualError(t, err, fmt.Sprintf("tailLines: Invalid value: %d: must be greater than or equal to 0", n))
				var errs status.FieldErrors
				assert.ErrorAs(t, err, &errs)
			}
		}
	})
}

func TestLogsOfWhatIsNotThere(t *testing.T) {
	within(t, chatty, executor.NodeOptions{}, func(t *testing.T, h *house) {
		h.create(t, template("kilobyte"), 1, 1)
		two := template("kilobyte", func(s *executor.PodSpec) {
			s.Containers = append(s.Containers, executor.Container{Name: "d", Image: "kilobyte"})
		})
		h.create(t, two, 2, 1)
		synctest.Wait()
		for _, tt := range []struct {
			pod  int
			opts executor.LogOptions
			want string
		}{
			{9, executor.LogOptions{}, "not found"},
			{1, executor.LogOptions{Container: "x"}, `container "x": status: not found`},
			{1, executor.LogOptions{Previous: true}, "previous terminated container"},
			{2, executor.LogOptions{}, `a container name must be specified, choose one of: ["c" "d"]`},
			{2, executor.LogOptions{Container: "c", Previous: true}, "previous terminated container"},
		} {
			_, err := h.node.Logs(t.Context(), uid(tt.pod), tt.opts)
			assert.ErrorContains(t, err, tt.want)
		}
		assert.Len(t, h.read(t, 2, executor.LogOptions{Container: "d"}), 1024)
	})
}
