package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metric is one family: its name, what it says, and its labels.
type metric struct {
	name   string
	help   string
	kind   prometheus.ValueType
	labels []string
	desc   *prometheus.Desc
}

// all are the families of this package, in the order of the documentation.
var all []*metric

func family(kind prometheus.ValueType, name, help string, labels ...string) *metric {
	m := &metric{name: "foci_" + name, help: help, kind: kind, labels: labels}
	m.desc = prometheus.NewDesc(m.name, help, labels, nil)
	all = append(all, m)
	return m
}

func gauge(name, help string, labels ...string) *metric {
	return family(prometheus.GaugeValue, name, help, labels...)
}

func counter(name, help string, labels ...string) *metric {
	return family(prometheus.CounterValue, name, help, labels...)
}

// emit sends one value.
func (m *metric) emit(out chan<- prometheus.Metric, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(m.desc, m.kind, v, labels...)
}
