package job_test

import (
	"fmt"

	"github.com/podless/podless/job"
)

// A selector has a text form, that of kubectl's -l, and matches labels.
func ExampleParseSelector() {
	s, err := job.ParseSelector("tier != web, team in (search, billing), !legacy")
	if err != nil {
		panic(err)
	}
	fmt.Println(s)
	fmt.Println(s.Matches(map[string]string{"team": "billing"}))
	fmt.Println(s.Matches(map[string]string{"team": "billing", "legacy": "yes"}))
	_, err = job.ParseSelector("team in (billing")
	fmt.Println(err)
	// Output:
	// !legacy,team in (billing,search),tier notin (web)
	// true
	// false
	// job: selector "team in (billing": want KEY in (A,B) or KEY notin (A,B)
}
