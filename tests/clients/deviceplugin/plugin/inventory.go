package main

import (
	"fmt"
	"math/bits"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

type inventory struct {
	DriverVersion string `json:"driver_version"`
	GPUs          []gpu  `json:"gpus"`
}

type gpu struct {
	Name              string    `json:"name"`
	UUID              string    `json:"uuid"`
	MemoryTotalBytes  uint64    `json:"memory_total_bytes"`
	MemoryUsedBytes   uint64    `json:"memory_used_bytes"`
	PCIBusID          string    `json:"pci_bus_id"`
	NUMANodes         []int64   `json:"numa_nodes"`
	ComputeProcesses  []process `json:"compute_processes"`
	GraphicsProcesses []process `json:"graphics_processes"`
}

type process struct {
	PID             uint32 `json:"pid"`
	UsedMemoryBytes uint64 `json:"used_memory_bytes"`
}

func readInventory() (inventory, error) {
	version, ret := nvml.SystemGetDriverVersion()
	if ret != nvml.SUCCESS {
		return inventory{}, fmt.Errorf("driver version: %w", ret)
	}
	count, ret := nvml.DeviceGetCount()
	if ret != nvml.SUCCESS {
		return inventory{}, fmt.Errorf("number of GPUs: %w", ret)
	}

	gpus := make([]gpu, count)
	for i := range gpus {
		var err error
		if gpus[i], err = readGPU(i); err != nil {
			return inventory{}, fmt.Errorf("GPU %d: %w", i, err)
		}
	}
	return inventory{DriverVersion: version, GPUs: gpus}, nil
}

func readGPU(index int) (gpu, error) {
	device, ret := nvml.DeviceGetHandleByIndex(index)
	if ret != nvml.SUCCESS {
		return gpu{}, fmt.Errorf("handle: %w", ret)
	}
	name, ret := device.GetName()
	if ret != nvml.SUCCESS {
		return gpu{}, fmt.Errorf("name: %w", ret)
	}
	uuid, ret := device.GetUUID()
	if ret != nvml.SUCCESS {
		return gpu{}, fmt.Errorf("UUID: %w", ret)
	}
	memory, ret := device.GetMemoryInfo()
	if ret != nvml.SUCCESS {
		return gpu{}, fmt.Errorf("memory: %w", ret)
	}
	pci, ret := device.GetPciInfo()
	if ret != nvml.SUCCESS {
		return gpu{}, fmt.Errorf("PCI: %w", ret)
	}
	nodes, err := numaNodes(device)
	if err != nil {
		return gpu{}, err
	}
	compute, ret := device.GetComputeRunningProcesses()
	if ret != nvml.SUCCESS {
		return gpu{}, fmt.Errorf("compute processes: %w", ret)
	}
	graphics, ret := device.GetGraphicsRunningProcesses()
	if ret != nvml.SUCCESS {
		return gpu{}, fmt.Errorf("graphics processes: %w", ret)
	}

	return gpu{
		Name:              name,
		UUID:              uuid,
		MemoryTotalBytes:  memory.Total,
		MemoryUsedBytes:   memory.Used,
		PCIBusID:          text(pci.BusId[:]),
		NUMANodes:         nodes,
		ComputeProcesses:  processes(compute),
		GraphicsProcesses: processes(graphics),
	}, nil
}

// numaNodes asks NVML and not sysfs as NVIDIA's plugin does: a simulated GPU has no entry in sysfs, or worse, another
// device's.
func numaNodes(device nvml.Device) ([]int64, error) {
	nodes := []int64{}
	words, ret := device.GetMemoryAffinity(bits.UintSize, nvml.AFFINITY_SCOPE_NODE)
	if ret == nvml.ERROR_NOT_SUPPORTED {
		return nodes, nil
	}
	if ret != nvml.SUCCESS {
		return nil, fmt.Errorf("memory affinity: %w", ret)
	}
	for i, word := range words {
		for ; word != 0; word &= word - 1 {
			nodes = append(nodes, int64(i*bits.UintSize+bits.TrailingZeros(word)))
		}
	}
	return nodes, nil
}

func processes(infos []nvml.ProcessInfo) []process {
	list := make([]process, len(infos))
	for i, info := range infos {
		list[i] = process{PID: info.Pid, UsedMemoryBytes: info.UsedGpuMemory}
	}
	return list
}

// text converts a C string in an array of char, which go-nvml leaves as it is in structs.
func text(chars []int8) string {
	var bytes []byte
	for _, char := range chars {
		if char == 0 {
			break
		}
		bytes = append(bytes, byte(char))
	}
	return string(bytes)
}
