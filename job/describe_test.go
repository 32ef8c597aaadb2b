package job

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// The columns and words are those of "kubectl describe job" v1.36 in Kubernetes'
// documentation ("Running an example Job").
func TestDescribe(t *testing.T) {
	zone := time.FixedZone("", 2*3600)
	start := time.Date(2026, 12, 2, 15, 20, 11, 0, zone)
	j := &Job{
		Metadata: status.ObjectMeta{
			Name: "pi", Namespace: "default", Labels: map[string]string{"job-name": "pi", "app": "x"},
			Annotations: map[string]string{"note": "two\nlines"},
		},
		Spec: Spec{
			Parallelism: new(int32(1)), Completions: new(int32(1)), CompletionMode: new(NonIndexed),
			Suspend: new(false), BackoffLimit: new(int32(4)), ActiveDeadlineSeconds: new(int64(100)),
			Selector: &LabelSelector{MatchLabels: map[string]string{"batch.kubernetes.io/controller-uid": "c9948307"}},
			Template: executor.PodTemplateSpec{
				Metadata: status.ObjectMeta{Labels: map[string]string{"job-name": "pi"}},
				Spec: executor.PodSpec{Containers: []executor.Container{{
					Name: "pi", Image: "perl:5.34.0",
					Command: []string{"perl", "-Mbignum=bpi", "-wle", "print bpi(2000)"},
				}}},
			},
		},
		Status: Status{
			StartTime: &status.Time{Time: start}, CompletionTime: &status.Time{Time: start.Add(65 * time.Second)},
			Succeeded: 1, Ready: new(int32(0)),
		},
	}
	at := func(d time.Duration) status.Time { return status.Time{Time: start.Add(d)} }
	events := []status.Event{
		{Type: "Normal", Reason: "SuccessfulCreate", Message: "Created pod: pi-5rwd7", Source: "job-controller", FirstTimestamp: at(0), LastTimestamp: at(0), Count: 1},
		{Type: "Warning", Reason: "FailedCreate", Message: "Error creating: quota", Source: "job-controller", FirstTimestamp: at(0), LastTimestamp: at(time.Minute), Count: 3},
	}
	var out strings.Builder
	require.NoError(t, Describe(&out, j, events, start.Add(14*time.Minute)))
	assert.Equal(t, `Name:                     pi
Namespace:                default
Selector:                 batch.kubernetes.io/controller-uid=c9948307
Labels:                   app=x
                          job-name=pi
Annotations:              note:
                            two
                            lines
Parallelism:              1
Completions:              1
Completion Mode:          NonIndexed
Suspend:                  false
Backoff Limit:            4
Start Time:               Wed, 02 Dec 2026 15:20:11 +0200
Completed At:             Wed, 02 Dec 2026 15:21:16 +0200
Duration:                 65s
Active Deadline Seconds:  100s
Pods Statuses:            0 Active (0 Ready) / 1 Succeeded / 0 Failed
Pod Template:
  Labels:  job-name=pi
  Containers:
   pi:
    Image:      perl:5.34.0
    Port:       <none>
    Host Port:  <none>
    Command:
      perl
      -Mbignum=bpi
      -wle
      print bpi(2000)
    Environment:   <none>
    Mounts:        <none>
  Volumes:         <none>
  Node-Selectors:  <none>
  Tolerations:     <none>
Events:
  Type     Reason            Age                From            Message
  ----     ------            ----               ----            -------
  Normal   SuccessfulCreate  14m                job-controller  Created pod: pi-5rwd7
  Warning  FailedCreate      13m (x3 over 14m)  job-controller  Error creating: quota
`, out.String())
	var fields status.FieldErrors
	assert.ErrorAs(t, Describe(&out, nil, nil, start), &fields)
}

func TestDescribeRarerFields(t *testing.T) {
	j := &Job{
		Metadata: status.ObjectMeta{Name: "x", OwnerReferences: []status.OwnerReference{{Kind: "CronJob", Name: "nightly", Controller: new(true)}}},
		Spec: Spec{
			CompletionMode: new(Indexed),
			Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
				InitContainers: []executor.Container{{Name: "init", Image: "i"}},
				Containers: []executor.Container{{
					Name: "main", Image: "img", Args: []string{"a\nb"},
					Resources: executor.Resources{Limits: map[string]executor.Quantity{"memory": "64Mi", "cpu": "500m"}},
					Env: []executor.EnvVar{
						{Name: "A", Value: "1"},
						{Name: "POD", ValueFrom: &executor.EnvVarSource{FieldRef: &executor.ObjectFieldSelector{FieldPath: "metadata.name"}}},
					},
					VolumeMounts: []executor.VolumeMount{{Name: "tmp", MountPath: "/tmp", SubPath: "a", ReadOnly: true}, {Name: "data", MountPath: "/data"}},
				}},
				Volumes: []executor.Volume{
					{Name: "tmp", EmptyDir: &executor.EmptyDirVolumeSource{}},
					{Name: "data", HostPath: &executor.HostPathVolumeSource{Path: "/srv"}},
				},
				NodeSelector: map[string]string{"gpu": "true"},
				Tolerations:  []executor.Toleration{{Key: "gpu", Operator: "Exists", Effect: "NoSchedule", TolerationSeconds: new(int64(30))}},
			}},
		},
		Status: Status{CompletedIndexes: readIndexSet("0-3,7", 100)},
	}
	var out strings.Builder
	require.NoError(t, Describe(&out, j, nil, time.Time{}))
	for _, want := range []string{
		"Selector:           <none>\n", "Controlled By:      CronJob/nightly\n", "Completions:        <unset>\n",
		"Completed Indexes:  0-3,7\n", "  Init Containers:\n   init:\n", "    Args:\n      a\n      b\n",
		"    Limits:\n      cpu:     500m\n      memory:  64Mi\n",
		"    Environment:\n      A:    1\n      POD:   (v1:metadata.name)\n",
		"    Mounts:\n      /data from data (rw)\n      /tmp from tmp (ro,path=\"a\")\n",
		"    Type:       EmptyDir (a temporary directory that shares a pod's lifetime)\n    Medium:     \n    SizeLimit:  <unset>\n",
		"    Type:          HostPath (bare host directory volume)\n    Path:          /srv\n    HostPathType:  \n",
		"  Node-Selectors:  gpu=true\n  Tolerations:     gpu:NoSchedule op=Exists for 30s\nEvents:            <none>\n",
	} {
		assert.Contains(t, out.String(), want)
	}
}

func TestHumanDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-2 * time.Second: "<invalid>", -time.Second: "0s", 0: "0s", 119 * time.Second: "119s",
		120 * time.Second: "2m", 185 * time.Second: "3m5s", 10 * time.Minute: "10m", 179 * time.Minute: "179m",
		3 * time.Hour: "3h", 3*time.Hour + 7*time.Minute: "3h7m", 8 * time.Hour: "8h", 47 * time.Hour: "47h",
		50 * time.Hour: "2d2h", 8 * 24 * time.Hour: "8d", 400 * 24 * time.Hour: "400d",
		(2*365 + 3) * 24 * time.Hour: "2y3d", 9 * 365 * 24 * time.Hour: "9y",
	} {
		assert.Equal(t, want, humanDuration(d), d)
	}
}

func TestSelectorText(t *testing.T) {
	s := &LabelSelector{
		MatchLabels: map[string]string{"b": "2", "a": "1"},
		MatchExpressions: []LabelSelectorRequirement{
			{Key: "c", Operator: "In", Values: []string{"y", "x"}}, {Key: "d", Operator: "DoesNotExist"},
			{Key: "e", Operator: "Exists"}, {Key: "f", Operator: "NotIn", Values: []string{"z"}},
		},
	}
	assert.Equal(t, "a=1,b=2,c in (x,y),!d,e,f notin (z)", s.String())
}
