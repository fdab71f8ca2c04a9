// Parses a report of nvidia-smi with Telegraf's plugin and prints what that adds, a line of JSON each.
package main

import (
	"encoding/json"
	"io"
	"os"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/plugins/inputs/nvidia_smi/schema_v11"
	"github.com/influxdata/telegraf/plugins/inputs/nvidia_smi/schema_v12"
)

type printer struct {
	telegraf.Accumulator
}

func (printer) AddFields(name string, fields map[string]interface{}, tags map[string]string, _ ...time.Time) {
	json.NewEncoder(os.Stdout).Encode(map[string]any{"name": name, "fields": fields, "tags": tags})
}

func main() {
	report, err := io.ReadAll(os.Stdin)
	if err == nil {
		parse := map[string]func(telegraf.Accumulator, []byte) error{"v11": schema_v11.Parse, "v12": schema_v12.Parse}
		err = parse[os.Args[1]](printer{}, report)
	}
	if err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
}
