// Command httppool wraps the worker pool of an HTTP service: a request hands its work to a Job and answers at
// once; the Job brings retries, a deadline, a status to look at, and removes itself afterwards.
//
//	POST /thumbnails?image=cat   → 202 and the Job's name
//	GET  /thumbnails/NAME        → the Job's status
//
// Without -listen it serves a few requests of its own, prints the answers, and ends.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

func main() {
	listen := flag.String("listen", "", "address to serve on until interrupted, such as 127.0.0.1:8080")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *listen); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, listen string) error {
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{"thumbnail": thumbnail()}), executor.NodeOptions{})
	if err != nil {
		return err
	}
	// The functions are short: retry after 100 ms, not after 10 s.
	jobs, err := job.NewController(node, job.Options{BackoffBase: 100 * time.Millisecond, BackoffMax: 5 * time.Second})
	if err != nil {
		return err
	}
	address := listen
	if address == "" {
		address = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler(jobs)}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var g errgroup.Group
	g.Go(func() error { return jobs.Run(ctx) })
	g.Go(func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		defer stop()
		if listen == "" {
			return visit(ctx, "http://"+l.Addr().String())
		}
		log.Printf("serving on http://%s", l.Addr())
		<-ctx.Done()
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		return server.Shutdown(context.WithoutCancel(ctx))
	})
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// thumbnail returns the work: every third attempt fails, as work does.
func thumbnail() goroutine.Func {
	var calls atomic.Int32
	return func(_ context.Context, c *goroutine.Container) error {
		if calls.Add(1)%3 == 0 {
			return goroutine.Exit(75, errors.New("the image server is busy"))
		}
		fmt.Fprintf(c.Stdout(), "made a thumbnail of %s\n", c.Getenv("IMAGE"))
		return nil
	}
}

func handler(jobs *job.Controller) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /thumbnails", func(w http.ResponseWriter, r *http.Request) {
		j, err := jobs.Create(r.Context(), &job.Job{
			Metadata: status.ObjectMeta{GenerateName: "thumbnail-"},
			Spec: job.Spec{
				BackoffLimit:            new(int32(3)),
				ActiveDeadlineSeconds:   new(int64(60)),
				TTLSecondsAfterFinished: new(int32(300)),
				Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
					Containers: []executor.Container{{
						Name: "main", Image: "thumbnail",
						Env: []executor.EnvVar{{Name: "IMAGE", Value: r.FormValue("image")}},
					}},
					RestartPolicy: executor.RestartNever,
				}},
			},
		})
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintln(w, j.Metadata.Name)
	})
	mux.HandleFunc("GET /thumbnails/{name}", func(w http.ResponseWriter, r *http.Request) {
		j, err := jobs.Get(r.Context(), r.PathValue("name"))
		if errors.Is(err, status.ErrNotFound) {
			http.NotFound(w, r)
			return
		} else if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"state": j.State(), "status": j.Status})
	})
	return mux
}

// visit is a few clients: it posts work and looks until it is done.
func visit(ctx context.Context, url string) error {
	for _, image := range []string{"cat", "dog", "cow"} {
		resp, err := http.Post(url+"/thumbnails?image="+image, "", nil)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return err
		}
		name := string(body[:max(0, len(body)-1)])
		answer, err := poll(ctx, url+"/thumbnails/"+name)
		if err != nil {
			return err
		}
		fmt.Printf("%s: %s, %d failed\n", image, answer.State, answer.Status.Failed)
	}
	return nil
}

type answer struct {
	State  string
	Status job.Status
}

func poll(ctx context.Context, url string) (a answer, err error) {
	for {
		resp, err := http.Get(url)
		if err != nil {
			return a, err
		}
		err = json.NewDecoder(resp.Body).Decode(&a)
		resp.Body.Close()
		if err != nil || a.State == "Complete" || a.State == "Failed" {
			return a, err
		}
		select {
		case <-ctx.Done():
			return a, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
