package job

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
)

// The wall clock is set back while a Job runs: what comes then is delayed as ever.
func TestClockIsSetBack(t *testing.T) {
	forStores(t, func(t *testing.T, opts Options) {
		inBubble(t, opts, func(s *stand) {
			s.create(testJob("pi", 1, 1))
			l, err := s.find("default/pi")
			require.NoError(t, err)
			l.step.Lock()
			l.synced += executor.Stamp(time.Hour) // as if it had been an hour later
			l.step.Unlock()
			s.fail(s.pods(executor.Pending)...)
			assert.Empty(t, s.pods(executor.Pending))
			sleep(10*time.Second - time.Millisecond)
			assert.Empty(t, s.pods(executor.Pending), "J-90")
			sleep(time.Millisecond)
			assert.Len(t, s.pods(executor.Pending), 1)
		})
	})
}

func TestTimeDoesNotGoBack(t *testing.T) {
	now := executor.StampOf(time.Now())
	ahead := &liveJob{synced: now + executor.Stamp(time.Second)}
	assert.Equal(t, ahead.synced, ahead.present(now))
	assert.Equal(t, ahead.synced+1, ahead.present(ahead.synced+1))
	late := &liveJob{synced: now} // a report of a minute ago
	assert.GreaterOrEqual(t, late.present(now-executor.Stamp(time.Minute)), now)
}
