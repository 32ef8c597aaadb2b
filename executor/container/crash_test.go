package container

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// crashVariable makes the test binary a host application: its value is the directory of its files.
const crashVariable = "CONTAINER_TEST_HOST"

const (
	crashPods = 12
	crashHigh = 0xC4A54
)

// crashPod is the i-th Pod. It writes its start and its end into the ledger.
func crashPod(dir string, i int) executor.PodRange {
	c := shell(fmt.Sprintf("echo start %d >> /ledger/ledger; sleep 0.%d; echo end %d >> /ledger/ledger; exit %d", i, i%10, i, i%3))
	c.VolumeMounts = []executor.VolumeMount{{Name: "ledger", MountPath: "/ledger"}}
	t := &executor.Template{
		Namespace: "default", Owner: status.OwnerReference{Kind: "Job", Name: "crash", UID: "crash"},
		Spec: &executor.PodSpec{RestartPolicy: executor.RestartNever, Containers: []executor.Container{c},
			Volumes: []executor.Volume{{Name: "ledger", HostPath: &executor.HostPathVolumeSource{Path: dir}}}},
	}
	return executor.PodRange{Template: t, First: executor.NewUID(crashHigh, uint64(i)), N: 1, Index: -1, Created: executor.StampOf(time.Now())}
}

// accounts is the host application: it writes each end down, durably, and then lets go of the Pod.
type accounts struct {
	mu      sync.Mutex
	file    *os.File
	settled map[executor.UID]bool
	known   map[executor.UID]bool
	node    *executor.Node
	synced  chan struct{}
	done    chan struct{}
}

func (a *accounts) Report(states []executor.PodState) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range states {
		s := &states[i]
		a.known[s.Pod.UID] = true
		if !s.Phase.Terminal() || a.settled[s.Pod.UID] {
			continue
		}
		state := containerState(*s)
		fmt.Fprintf(a.file, "%d %d %s\n", s.Pod.UID.Ordinal(), state.ExitCode, state.Reason)
		a.settled[s.Pod.UID] = true
		a.node.Untrack(s.Pod.Template, []executor.UID{s.Pod.UID})
		if len(a.settled) == crashPods {
			close(a.done)
		}
	}
}

func (a *accounts) Gone(executor.UID)            {}
func (a *accounts) Rejected(executor.UID, error) {}
func (a *accounts) Synced()                      { close(a.synced) }

// crashHost runs until all Pods are settled, or somebody kills it.
func crashHost(dir string) error {
	rt, err := New(filepath.Base(dir), Options{HostPaths: []string{dir}, MessageDir: "-"})
	if err != nil {
		return err
	}
	node, err := executor.NewNode(rt, executor.NodeOptions{Capacity: executor.Capacity{Pods: 4}})
	if err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(dir, "settled"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	a := &accounts{file: file, settled: map[executor.UID]bool{}, known: map[executor.UID]bool{}, node: node,
		synced: make(chan struct{}), done: make(chan struct{})}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var ordinal uint64
		var code int
		if _, err := fmt.Sscan(lines.Text(), &ordinal, &code); err == nil {
			a.settled[executor.NewUID(crashHigh, ordinal)] = true
		}
	}
	var open []executor.PodRange
	for i := range crashPods {
		if r := crashPod(dir, i); !a.settled[r.First] {
			open = append(open, r)
		}
	}
	if len(open) == 0 {
		close(a.done)
	}
	node.Restore(open)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	returned := make(chan error, 1)
	go func() { returned <- node.Run(ctx, a) }()
	select {
	case <-a.synced:
	case err := <-returned:
		return err
	}
	a.mu.Lock()
	var missing []executor.PodRange
	for _, r := range open {
		if !a.known[r.First] {
			missing = append(missing, r)
		}
	}
	a.mu.Unlock()
	if _, err := node.Create(missing); err != nil {
		return err
	}
	<-a.done
	cancel()
	return <-returned
}

func TestKilledHost(t *testing.T) {
	rt := newRuntime(t, Options{}) // for the engine, the image, and to see what is left
	dir := filepath.Join(t.TempDir(), rt.host)
	require.NoError(t, os.Mkdir(dir, 0o777))
	require.NoError(t, os.Chmod(dir, 0o777))
	kills := 6
	if testing.Short() {
		kills = 2
	}
	random := rand.New(rand.NewPCG(1, 2))
	for kill := 0; ; kill++ {
		host := exec.Command(os.Args[0])
		host.Env = append(os.Environ(), crashVariable+"="+dir)
		output := new(strings.Builder)
		host.Stdout, host.Stderr = output, output
		require.NoError(t, host.Start())
		var timer *time.Timer
		if kill < kills {
			timer = time.AfterFunc(100*time.Millisecond+time.Duration(random.Int64N(int64(1500*time.Millisecond))), func() { host.Process.Kill() })
		} else {
			timer = time.AfterFunc(2*time.Minute, func() { host.Process.Kill() })
		}
		err := host.Wait()
		timer.Stop()
		if err == nil {
			break
		}
		require.Less(t, kill, kills, "the host ended with %v: %s", err, output)
	}
	settled, err := os.ReadFile(filepath.Join(dir, "settled"))
	require.NoError(t, err)
	ledger, err := os.ReadFile(filepath.Join(dir, "ledger"))
	require.NoError(t, err)
	for i := range crashPods {
		reason := "Error"
		if i%3 == 0 {
			reason = "Completed"
		}
		want := fmt.Sprintf("%d %d %s\n", i, i%3, reason)
		assert.Equal(t, 1, strings.Count("\n"+string(settled), "\n"+want), "Pod %d is counted once, with what it ended with: %s", i, settled)
		for _, word := range []string{"start", "end"} {
			assert.Equal(t, 1, strings.Count("\n"+string(ledger), fmt.Sprintf("\n%s %d\n", word, i)), "Pod %d ran once: %s", i, ledger)
		}
	}
	assert.Equal(t, crashPods, strings.Count(string(settled), "\n"))

	// What the last host had no time to remove, the next one removes when it begins.
	next, err := New(rt.host, rt.opts)
	require.NoError(t, err)
	defer next.Close()
	again := newHost(t, next)
	require.Eventually(t, func() bool {
		found, err := rt.Recover(t.Context())
		return err == nil && len(found) == 0
	}, 30*time.Second, 50*time.Millisecond, "no container is left")
	again.stop()
}
