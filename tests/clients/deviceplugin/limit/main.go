// Command limit prints the power limit of GPU 0, in milliwatts, for each line that it reads.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

func main() {
	if ret := nvml.Init(); ret != nvml.SUCCESS {
		log.Fatalf("nvmlInit: %v", nvml.ErrorString(ret))
	}
	defer nvml.Shutdown()
	gpu, ret := nvml.DeviceGetHandleByIndex(0)
	if ret != nvml.SUCCESS {
		log.Fatalf("nvmlDeviceGetHandleByIndex: %v", nvml.ErrorString(ret))
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		limit, ret := gpu.GetPowerManagementLimit()
		if ret != nvml.SUCCESS {
			log.Fatalf("nvmlDeviceGetPowerManagementLimit: %v", nvml.ErrorString(ret))
		}
		fmt.Println(limit)
	}
}
