// Command crashtest kills a host of Jobs at random instants, many times over, and checks
// that nothing was lost and nothing counted twice.
//
//	go run ./internal/crashtest -kills 1000 -out FILE
//	go run ./internal/crashtest -check FILE
//
// README.md says what is checked, and what is in FILE.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	if code, is := child(); is {
		os.Exit(code)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program. It returns its exit code: 1 if something was violated, 2 if it could not find out.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("crashtest", flag.ContinueOnError)
	flags.SetOutput(stderr)
	o := options{progress: stderr}
	flags.IntVar(&o.kills, "kills", 100, "how often the host is killed")
	flags.StringVar(&o.out, "out", "", "file for the ledger and the final accounts; empty: a temporary one")
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of lifetimes and Jobs")
	flags.StringVar(&o.dir, "dir", "", "directory for the stores, which are kept; empty: a temporary one")
	flags.DurationVar(&o.duration, "duration", 0, "kill no more after this time; 0: no limit")
	check := flags.String("check", "", "only check this file, which -out has written")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() > 0 || o.kills < 0 || o.duration < 0 {
		fmt.Fprintf(stderr, "crashtest: want -kills and -duration of at least 0 and no arguments, got %q\n", args)
		return 2
	}
	if *check != "" {
		o.out = *check
	} else {
		if o.out == "" {
			dir, err := os.MkdirTemp("", "crashtest-out")
			if err != nil {
				fmt.Fprintln(stderr, "crashtest:", err)
				return 2
			}
			defer os.RemoveAll(dir)
			o.out = filepath.Join(dir, "ledger.jsonl")
		}
		if err := supervise(ctx, o); err != nil {
			fmt.Fprintf(stderr, "crashtest: seed %d: %v\n", o.seed, err)
			return 1
		}
	}
	r, err := checkFile(o.out)
	if err != nil {
		fmt.Fprintln(stderr, "crashtest:", err)
		return 2
	}
	r.print(stdout)
	if len(r.violations) > 0 {
		return 1
	}
	return 0
}
