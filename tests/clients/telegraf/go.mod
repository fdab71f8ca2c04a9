module mocknvml/telegraf

go 1.23.0

require github.com/influxdata/telegraf v1.33.0
