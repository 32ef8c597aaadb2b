package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// report is the outcome of the program.
type report struct {
	Run     string   `json:"run"`
	Machine string   `json:"machine"`
	Go      string   `json:"go"`
	Rounds  int      `json:"rounds"`
	Date    string   `json:"date"`
	Rows    []row    `json:"rows"`
	Skipped []string `json:"skipped,omitempty"`
}

// row is one comparison. Values are medians over the rounds.
type row struct {
	What         string  `json:"what"`
	Who          string  `json:"who"`
	Value        float64 `json:"value"`
	Unit         unit    `json:"unit"`
	Allocs       float64 `json:"allocs,omitempty"` // per op
	Beside       string  `json:"beside,omitempty"`
	BesideValue  float64 `json:"besideValue,omitempty"`
	BesideAllocs float64 `json:"besideAllocs,omitempty"`
	Ratio        *spread `json:"ratio,omitempty"` // of time, so that more is worse, of each round
	Target       string  `json:"target,omitempty"`
}

// spread is the median, least and greatest of the ratios of the rounds.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// unit is what a value counts.
type unit string

const (
	perPod    unit = ""   // ns each; shown as ns, µs or ms
	perSecond unit = "/s" //
	bytesEach unit = "B"
	mebibytes unit = "MiB"
	megabytes unit = "MB"
	number    unit = "n"
	factor    unit = "x"
)

// of turns ns for each into the unit.
func (u unit) of(ns float64) float64 {
	if u == perSecond && ns > 0 {
		return 1e9 / ns
	}
	return ns
}

// MarshalText names the unit.
func (u unit) MarshalText() ([]byte, error) {
	if u == perPod {
		return []byte("ns"), nil
	}
	return []byte(u), nil
}

// UnmarshalText is the inverse of MarshalText.
func (u *unit) UnmarshalText(text []byte) error {
	*u = unit(text)
	if *u == "ns" {
		*u = perPod
	}
	return nil
}

// text shows v, which is in u.
func (u unit) text(v float64) string {
	switch {
	case u == perSecond:
		return group(v) + "/s"
	case u == bytesEach:
		return group(v) + " B"
	case u == mebibytes:
		return fmt.Sprintf("%.1f MiB", v)
	case u == megabytes:
		return fmt.Sprintf("%.2f MB", v)
	case u == factor:
		return fmt.Sprintf("%.2f", v)
	case u == number:
		return group(v)
	case v < 1e3:
		return fmt.Sprintf("%.0f ns", v)
	case v < 1e5:
		return fmt.Sprintf("%.2f µs", v/1e3)
	case v < 1e6:
		return fmt.Sprintf("%.0f µs", v/1e3)
	}
	return fmt.Sprintf("%.2f ms", v/1e6)
}

// group writes v with commas.
func group(v float64) string {
	s := strconv.FormatInt(int64(math.Round(v)), 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// describe fills in where and when it ran.
func (r *report) describe(rounds int) {
	r.Rounds = rounds
	r.Go = runtime.Version()
	r.Date = time.Now().UTC().Format(time.DateOnly)
	r.Machine = fmt.Sprintf("%s/%s, %d CPUs%s%s, GOMAXPROCS %d", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(),
		procField("/proc/cpuinfo", "model name", " (", ")"), memory(), runtime.GOMAXPROCS(0))
}

// procField returns a field of a file such as /proc/cpuinfo, between before and after; nothing if there is none.
func procField(file, name, before, after string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for l := range strings.Lines(string(data)) {
		if key, v, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(key) == name {
			return before + strings.TrimSpace(v) + after
		}
	}
	return ""
}

func memory() string {
	kib, err := strconv.ParseFloat(strings.TrimSuffix(procField("/proc/meminfo", "MemTotal", "", ""), " kB"), 64)
	if err != nil {
		return ""
	}
	return fmt.Sprintf(", %.0f GiB", kib/1024/1024)
}

// table renders the report as Markdown.
func (r *report) table() string {
	cells := [][]string{{"what", "who", "each", "allocs", "beside", "each", "allocs", "ratio (min-max)", "target"}}
	for _, w := range r.Rows {
		c := []string{w.What, w.Who, w.Unit.text(w.Value), allocs(w.Allocs), w.Beside, "", "", "", w.Target}
		if w.Beside != "" {
			c[5], c[6] = w.Unit.text(w.BesideValue), allocs(w.BesideAllocs)
		}
		if w.Ratio != nil {
			c[7] = w.Ratio.String()
		}
		cells = append(cells, c)
	}
	widths := make([]int, len(cells[0]))
	for _, c := range cells {
		for i := range c {
			widths[i] = max(widths[i], utf8.RuneCountInString(c[i]))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "podless, -run %s: %s, %s, medians of %d rounds, %s\n\n", r.Run, r.Machine, r.Go, r.Rounds, r.Date)
	for i, c := range cells {
		for j := range c {
			fmt.Fprintf(&b, "| %s%s ", c[j], strings.Repeat(" ", widths[j]-utf8.RuneCountInString(c[j])))
		}
		b.WriteString("|\n")
		if i == 0 {
			for _, w := range widths {
				b.WriteString("|" + strings.Repeat("-", w+2))
			}
			b.WriteString("|\n")
		}
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(&b, "\nSkipped: %s\n", s)
	}
	return b.String()
}

func allocs(v float64) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", v)
}

// String shows the ratios: three digits where they matter.
func (s *spread) String() string {
	f := func(v float64) string {
		if v < 0.1 {
			return strconv.FormatFloat(v, 'g', 2, 64)
		}
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return fmt.Sprintf("%s (%s-%s)", f(s.Median), f(s.Min), f(s.Max))
}

// exceeds returns an error if the first row's ratio is above limit; 0 is no limit.
func (r *report) exceeds(limit float64) error {
	switch {
	case limit == 0:
		return nil
	case len(r.Rows) == 0 || r.Rows[0].Ratio == nil:
		return fmt.Errorf("-max: there is no first row with a ratio: %s", strings.Join(r.Skipped, "; "))
	case r.Rows[0].Ratio.Median > limit:
		return fmt.Errorf("-max: %s: ratio %.3f is above %v", r.Rows[0].What, r.Rows[0].Ratio.Median, limit)
	}
	return nil
}
