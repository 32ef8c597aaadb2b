// Command bench runs the same work through podless and through what one would otherwise use, in one process, and
// prints how they compare.
//
//	cd internal/bench && go run . -run inprocess
//
// README.md says what the rows mean.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"
	"slices"
	"strings"
)

// parts are the values of -run.
var parts = map[string]func(*bench) error{
	"inprocess":  inProcess,
	"scale":      scale,
	"processes":  processes,
	"containers": containers,
	"cron":       cron,
	"durable":    durable,
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == childArg {
		os.Exit(child(os.Args[2:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run is the program.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := options{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	name := flags.String("run", "inprocess", "what to run: "+partNames())
	flags.IntVar(&o.rounds, "rounds", 0, "how often everything is measured; 0 means 5, for processes 7")
	flags.IntVar(&o.pods, "pods", 0, "Pods (CronJobs) of the first row; other rows follow; 0 means the part's own number")
	flags.BoolVar(&o.tiny, "tiny", false, "everything once at a tiny size, to see that it works")
	flags.StringVar(&o.only, "only", "", "only rows whose text contains this")
	flags.StringVar(&o.dir, "dir", "", "where durable writes its files; empty means the directory for temporary files")
	flags.BoolVar(&o.cpu, "cpu", false, "compare the CPU time of this process instead of the time that passes: for a machine that does other things, too")
	limit := flags.Float64("max", 0, "exit with 1 if the ratio of the first row is above this; 0 means no limit")
	asJSON := flags.Bool("json", false, "print JSON instead of a table")
	profile := flags.String("cpuprofile", "", "write a CPU profile to this file")
	if err := flags.Parse(args); err != nil {
		return err
	}
	part := parts[*name]
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q: want flags only", flags.Arg(0))
	case part == nil:
		return fmt.Errorf("-run: %q: want one of %s", *name, partNames())
	case o.rounds < 0:
		return fmt.Errorf("-rounds: %d: want at least 1, or 0 for the part's own number", o.rounds)
	case o.pods < 0:
		return fmt.Errorf("-pods: %d: want at least 1, or 0 for the part's own number", o.pods)
	case *limit < 0:
		return fmt.Errorf("-max: %v: want a ratio above 0, or 0 for no limit", *limit)
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	b := &bench{ctx: ctx, options: o, progress: stderr}
	b.report.Run = *name
	if err := part(b); err != nil {
		return fmt.Errorf("%s: %w", *name, err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b.report.describe(b.count())
	if *asJSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		if err := e.Encode(&b.report); err != nil {
			return err
		}
	} else if _, err := io.WriteString(stdout, b.report.table()); err != nil {
		return err
	}
	return b.report.exceeds(*limit)
}

func partNames() string {
	var names []string
	for name := range parts {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
