package executortest

import "testing"

func BenchmarkScript(b *testing.B) { Benchmark(b, scriptSubject()) }
