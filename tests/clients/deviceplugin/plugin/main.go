// Command plugin is a device plugin reduced to what depends on NVML: it lists the GPUs through go-nvml and prints
// them, tells what happens to them, or offers them to a kubelet.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	pluginapi "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

func main() {
	dir := flag.String("dir", pluginapi.DevicePluginPath, "folder of kubelet.sock, also for the plugin's socket")
	inventoryOnly := flag.Bool("inventory", false, "print the GPUs as JSON and exit")
	healthOnly := flag.Bool("health", false, "tell the errors of the GPUs until one is lost")
	flag.Parse()

	if err := run(*dir, *inventoryOnly, *healthOnly); err != nil {
		fmt.Fprintln(os.Stderr, "plugin:", err)
		os.Exit(1)
	}
}

func run(dir string, inventoryOnly, healthOnly bool) (err error) {
	if ret := nvml.Init(); ret != nvml.SUCCESS {
		return fmt.Errorf("nvmlInit: %w", ret)
	}
	defer func() {
		if ret := nvml.Shutdown(); ret != nvml.SUCCESS && err == nil {
			err = fmt.Errorf("nvmlShutdown: %w", ret)
		}
	}()

	if healthOnly {
		return watchHealth()
	}
	if !inventoryOnly {
		return serve(dir)
	}
	inventory, err := readInventory()
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(inventory)
}
