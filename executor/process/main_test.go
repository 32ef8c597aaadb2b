package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// The test binary is its own container: with this variable set it does what the mode says.
const modeVariable = "PROCESS_TEST_MODE"

func TestMain(m *testing.M) {
	switch mode := os.Getenv(modeVariable); mode {
	case "":
		goleak.VerifyTestMain(m)
	case "stubborn": // ignores SIGTERM
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
		time.Sleep(time.Minute)
	case "fork", "daemon": // leaves a child that holds stdout; a daemon is in a session of its own
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), modeVariable+"=hold")
		child.Stdout = os.Stdout
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: mode == "daemon"}
		if err := child.Start(); err != nil {
			panic(err)
		}
		fmt.Println(child.Process.Pid)
		os.Exit(3)
	case "hold":
		time.Sleep(time.Minute)
	case "host": // a host that will be killed: its container has a child in a session of its own
		r := newIn(os.Getenv("NAMESPACE"))
		c := &command{
			uid: os.Getenv("POD"), container: "c", argv: []string{os.Args[0]}, env: env(modeVariable, "family"),
			stdout: os.Stdout, stderr: os.Stdout, stop: context.Background(),
		}
		r.run(context.Background(), c)
	case "family":
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), modeVariable+"=hold")
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := child.Start(); err != nil {
			panic(err)
		}
		fmt.Printf("%d %d\n", os.Getpid(), child.Process.Pid)
		time.Sleep(time.Minute)
	default:
		panic("unknown mode " + mode)
	}
}
