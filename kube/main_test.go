package kube

import (
	"bytes"
	"log/slog"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// logged is what client-go says during all tests: its logger can be set only while nobody uses it.
var logged buffer

func TestMain(m *testing.M) {
	LogTo(slog.New(slog.NewTextHandler(&logged, nil)))
	goleak.VerifyTestMain(m)
}

type buffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}
