package job

import "testing"

// playController plays sc against the Controller.
func playController(t *testing.T, sc *scenario) { t.Skip("the Controller is being built") }
