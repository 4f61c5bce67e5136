// Prints what client_golang answers a scrape of a small service: its text is a golden.
package main

import (
	"fmt"
	"net/http/httptest"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func main() {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "requests_total", Help: "All of\n\"them\"."}, []string{"path"})
	latency := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "latency_seconds", Help: "How long."})
	prometheus.MustRegister(requests, latency)
	requests.WithLabelValues("/a \"b\"\\{}\n").Inc()
	latency.Observe(0.2)
	for i := 0; i < 3; i++ {
		runtime.GC()
	}
	answer := httptest.NewRecorder()
	promhttp.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	fmt.Print(answer.Body.String())
}
