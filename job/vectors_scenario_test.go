package job

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/status"
)

// scenario is one recorded story; testdata/vectors/README.md describes the format.
type scenario struct {
	Name    string          `json:"name"`
	About   string          `json:"about"`
	Tags    []string        `json:"tags"`
	Seed    int             `json:"seed"`
	Kubelet scenarioKubelet `json:"kubelet"`
	Job     json.RawMessage `json:"job"`
	Steps   []step          `json:"steps"`
	Created []creation      `json:"created"`

	StatusRefused json.RawMessage `json:"statusRefused"`
}

type scenarioKubelet struct {
	TerminateAfter duration        `json:"terminateAfter"`
	ExitCode       json.RawMessage `json:"exitCode"`
	Hold           bool            `json:"hold"`
}

func (k *scenarioKubelet) options() executortest.FakeOptions {
	o := executortest.FakeOptions{TerminateAfter: time.Duration(k.TerminateAfter), Hold: k.Hold}
	if text := strings.Trim(string(k.ExitCode), `"`); text != "" {
		if n, err := strconv.ParseInt(text, 10, 32); err == nil {
			o.ExitCode = new(int32(n))
		}
	}
	return o
}

// batch is how long changes of Pods are collected before the Job is synced. The scenarios of
// batched/ have the answer of one sync that sees several; all others do not depend on it.
func (sc *scenario) batch() time.Duration {
	if slices.Contains(sc.Tags, "batched") {
		return time.Second
	}
	return 0
}

type duration time.Duration

func (d *duration) UnmarshalJSON(b []byte) error {
	v, err := time.ParseDuration(strings.Trim(string(b), `"`))
	*d = duration(v)
	return err
}

// step is one thing that happens at a time; exactly one of the pointers is set.
type step struct {
	At     duration        `json:"at"`
	Expect *sample         `json:"expect"`
	Pods   *podChoice      `json:"pods"`
	Do     *action         `json:"do"`
	Patch  *jobPatch       `json:"patch"`
	Delete *jobDeletion    `json:"delete"`
	Create json.RawMessage `json:"create"`
	API    *apiChange      `json:"api"`
	Errors []fieldProblem  `json:"errors"`
}

type podChoice struct {
	Job   string `json:"job"`
	Name  string `json:"name"`
	Index *int32 `json:"index"`
	State string `json:"state"`
	Nth   *int   `json:"nth"`
	All   bool   `json:"all"`
}

type action struct {
	Run *struct {
		NotReady bool `json:"notReady"`
	} `json:"run"`
	Ready   *bool     `json:"ready"`
	Succeed *struct{} `json:"succeed"`
	Fail    *struct {
		ExitCode     int32             `json:"exitCode"`
		ExitCodes    map[string]int32  `json:"exitCodes"`
		NoContainers bool              `json:"noContainers"`
		NoReady      bool              `json:"noReady"`
		Reason       status.Reason     `json:"reason"`
		Message      string            `json:"message"`
		Conditions   status.Conditions `json:"conditions"`
	} `json:"fail"`
	Restart *struct {
		Container string `json:"container"`
		Count     int32  `json:"count"`
	} `json:"restart"`
	Condition *status.Condition `json:"condition"`
	Delete    *struct {
		Force bool `json:"force"`
	} `json:"delete"`
	Hold      *bool `json:"hold"`
	Terminate *struct {
		ExitCode int32 `json:"exitCode"`
	} `json:"terminate"`
	Metadata json.RawMessage `json:"metadata"`
}

type jobPatch struct {
	Job   string          `json:"job"`
	Patch json.RawMessage `json:"patch"`
}

type jobDeletion struct {
	Job         string      `json:"job"`
	Propagation Propagation `json:"propagation"`
}

type apiChange struct {
	FailPodCreates string `json:"failPodCreates"`
}

type fieldProblem struct {
	Type    string `json:"type"`
	Field   string `json:"field"`
	Message string `json:"message"`
}

// String leaves out a value that is a dump: Kubernetes' is of its own Go structs.
func (p fieldProblem) String() string {
	const prefix = "Invalid value: "
	if value, ok := strings.CutPrefix(p.Message, prefix); ok && strings.HasPrefix(value, "{") {
		if end := strings.LastIndex(value, "}: "); end >= 0 {
			p.Message = prefix + value[end+len("}: "):]
		}
	}
	return p.Type + " " + p.Field + ": " + p.Message
}

// sample is what there is to see at one time.
type sample struct {
	Jobs   map[string]jobSample `json:"jobs"`
	Pods   []podSample          `json:"pods"`
	Events []eventSample        `json:"events"`
}

type jobSample struct {
	Deleting bool         `json:"deleting"`
	Status   statusSample `json:"status"`
}

type statusSample struct {
	Active           int32             `json:"active"`
	Ready            *int32            `json:"ready"`
	Terminating      *int32            `json:"terminating"`
	Succeeded        int32             `json:"succeeded"`
	Failed           int32             `json:"failed"`
	CompletedIndexes string            `json:"completedIndexes"`
	FailedIndexes    *string           `json:"failedIndexes"`
	Conditions       []conditionSample `json:"conditions"`
	StartTime        *float64          `json:"startTime"`
	CompletionTime   *float64          `json:"completionTime"`
	Uncounted        json.RawMessage   `json:"uncounted"`
}

type conditionSample struct {
	Type    status.ConditionType   `json:"type"`
	Status  status.ConditionStatus `json:"status"`
	Reason  status.Reason          `json:"reason"`
	Message string                 `json:"message"`
	At      float64                `json:"at"`
}

type podSample struct {
	Job                 string        `json:"job"`
	Name                string        `json:"name"`
	Index               *int32        `json:"index"`
	Phase               string        `json:"phase"`
	Ready               bool          `json:"ready"`
	Deleting            bool          `json:"deleting"`
	Reason              status.Reason `json:"reason"`
	FailureCount        *int32        `json:"failureCount"`
	IgnoredFailureCount *int32        `json:"ignoredFailureCount"`
	Tracked             bool          `json:"tracked"`
	Count               int           `json:"count"`
}

func (p *podSample) String() string {
	var b strings.Builder
	add := func(key string, v any) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s=%v", key, v)
	}
	if p.Job != "" {
		add("job", p.Job)
	}
	if p.Name != "" {
		add("name", p.Name)
	}
	if p.Index != nil {
		add("index", *p.Index)
	}
	add("phase", p.Phase)
	for _, flag := range []struct {
		key string
		set bool
	}{{"ready", p.Ready}, {"deleting", p.Deleting}, {"tracked", p.Tracked}} {
		if flag.set {
			add(flag.key, true)
		}
	}
	if p.Reason != "" {
		add("reason", p.Reason)
	}
	if p.FailureCount != nil {
		add("failureCount", *p.FailureCount)
	}
	if p.IgnoredFailureCount != nil {
		add("ignoredFailureCount", *p.IgnoredFailureCount)
	}
	return b.String()
}

type eventSample struct {
	Job     string           `json:"job"`
	Type    status.EventType `json:"type"`
	Reason  status.Reason    `json:"reason"`
	Message string           `json:"message"`
	Count   int              `json:"count"`
}

// creation is a number of Pods that were created at one time.
type creation struct {
	At     float64      `json:"at"`
	Job    string       `json:"job"`
	Index  *int32       `json:"index"`
	Count  int          `json:"count"`
	Detail *podIdentity `json:"detail"`
}

// podIdentity is what a new Pod looks like.
type podIdentity struct {
	Name        string            `json:"name"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Hostname    string            `json:"hostname"`
	Env         map[string]string `json:"env"`
	Owner       string            `json:"owner"`
}

// choose returns those of the Pods, which are in order of creation, that a step means.
func (c *podChoice) choose(pods []worldPod, job string) []worldPod {
	if c.Job != "" {
		job = c.Job
	}
	state := c.State
	if state == "" {
		state = "active"
		if c.Index != nil || c.Name != "" {
			state = "any"
		}
	}
	var list []worldPod
	for _, p := range pods {
		s := &p.state
		switch {
		case c.Name != "" && s.Pod.Template.Name != c.Name:
		case c.Name == "" && p.owner() != job:
		case c.Index != nil && s.Pod.Index != *c.Index:
		case state == "active" && !s.Active():
		case state == "deleting" && s.Deleted == 0:
		case state == "finished" && (!s.Phase.Terminal() || s.Deleted != 0):
		default:
			list = append(list, p)
		}
	}
	switch {
	case c.All || len(list) == 0:
		return list
	case c.Nth != nil:
		if *c.Nth >= len(list) {
			return nil
		}
		return list[*c.Nth : *c.Nth+1]
	case c.Index != nil:
		return list[len(list)-1:]
	}
	return list[:1]
}

// worldPod is one Pod as a step sees it.
type worldPod struct {
	state executor.PodState
	meta  *executor.PodMeta // nil: as its template
}

func (p *worldPod) owner() string {
	if p.meta == nil {
		return p.state.Pod.Template.Owner.Name
	}
	if p.meta.Owner == nil {
		return ""
	}
	return p.meta.Owner.Name
}

// decodeScenarios reads a file that holds one scenario or a list of them.
func decodeScenarios(data []byte) ([]*scenario, error) {
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] == '[' {
		var list []*scenario
		return list, json.Unmarshal(data, &list)
	}
	sc := new(scenario)
	if err := json.Unmarshal(data, sc); err != nil {
		return nil, err
	}
	return []*scenario{sc}, nil
}
