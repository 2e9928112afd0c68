package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// vitals are what the probes are answered from. They are written by the loop and ask nobody: an outage of AWS must not
// make Kubernetes restart a controller that works.
type vitals struct {
	now    func() time.Time
	silent time.Duration // how long the loop may be silent

	mu     sync.Mutex
	ticked time.Time
	unread map[string]string // the clusters that were never read as a whole, and why; nil before the first reading
	read   map[string]bool   // the others
}

func newVitals(resync time.Duration, now func() time.Time) *vitals {
	return &vitals{now: now, silent: 3 * resync, ticked: now(), read: map[string]bool{}}
}

// tick says that the loop went round.
func (v *vitals) tick() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ticked = v.now()
}

// saw notes which clusters have been read. One that was read as a whole once stays so: a pod that loses a cluster later
// still knows what was claimed there.
func (v *vitals) saw(r reconcile.Reading) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.unread = map[string]string{}
	for _, c := range r.Clusters {
		if c.Incomplete == "" {
			v.read[c.Name] = true
		} else if !v.read[c.Name] {
			v.unread[c.Name] = c.Incomplete
		}
	}
}

func (v *vitals) alive() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if since := v.now().Sub(v.ticked); since > v.silent {
		return fmt.Errorf("the last pass ended %v ago", since.Round(time.Second))
	}
	return nil
}

func (v *vitals) ready() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.unread == nil {
		return errors.New("nothing was read yet")
	}
	var whys []string
	for _, name := range slices.Sorted(maps.Keys(v.unread)) {
		whys = append(whys, strings.TrimPrefix(name+": "+v.unread[name], ": "))
	}
	if len(whys) > 0 {
		return fmt.Errorf("not read as a whole yet: %s", strings.Join(whys, "; "))
	}
	return nil
}

func handler(m *metrics, v *vitals, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError),
		Registry: m.registry,
	}))
	mux.Handle("GET /healthz", probe(v.alive))
	mux.Handle("GET /readyz", probe(v.ready))
	return mux
}

func probe(check func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if err := check(); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = fmt.Fprintln(w, err) // whoever asked has gone
			return
		}
		_, _ = fmt.Fprintln(w, "ok")
	}
}

// serve answers until stop is called, which waits for answers that are being given, but not for long: the loop has ended
// by then, and Kubernetes does not wait for ever.
func serve(ctx context.Context, address string, h http.Handler, log *slog.Logger) (stop func(), err error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--address %q: %w", address, err)
	}
	log.Info("serving metrics and probes", "address", l.Addr().String())
	s := &http.Server{
		Handler: h,
		// Whoever opens a connection and says nothing must not hold it for ever.
		ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			// The liveness probe fails now, and that is what it is for.
			log.Error("metrics and probes are no longer served", "error", err.Error())
		}
	}()
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if s.Shutdown(ctx) != nil {
			_ = s.Close() // all that is left to do; its error changes nothing
		}
		<-ended
	}, nil
}
