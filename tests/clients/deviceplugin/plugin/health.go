package main

import (
	"fmt"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

const waitMilliseconds = 5000

// watchHealth tells the Xids and ECC errors of all GPUs, in the words of NVIDIA's device plugin, until one is lost.
func watchHealth() error {
	events, ret := nvml.EventSetCreate()
	if ret != nvml.SUCCESS {
		return fmt.Errorf("event set: %w", ret)
	}
	defer events.Free()

	count, ret := nvml.DeviceGetCount()
	if ret != nvml.SUCCESS {
		return fmt.Errorf("number of GPUs: %w", ret)
	}
	wanted := uint64(nvml.EventTypeXidCriticalError | nvml.EventTypeDoubleBitEccError | nvml.EventTypeSingleBitEccError)
	for i := range count {
		device, ret := nvml.DeviceGetHandleByIndex(i)
		if ret != nvml.SUCCESS {
			return fmt.Errorf("handle: %w", ret)
		}
		supported, ret := device.GetSupportedEventTypes()
		if ret != nvml.SUCCESS {
			return fmt.Errorf("event types: %w", ret)
		}
		if ret := device.RegisterEvents(wanted&supported, events); ret != nvml.SUCCESS {
			return fmt.Errorf("registering: %w", ret)
		}
	}
	fmt.Println("watching")
	for {
		event, ret := events.Wait(waitMilliseconds)
		switch ret {
		case nvml.ERROR_TIMEOUT:
			continue
		case nvml.SUCCESS:
		default:
			fmt.Printf("error waiting for event: %v\n", ret)
			return nil
		}
		uuid, ret := event.Device.GetUUID()
		if ret != nvml.SUCCESS {
			uuid = ret.Error()
		}
		fmt.Printf("%s type %d data %d instances %d %d\n",
			uuid, event.EventType, event.EventData, event.GpuInstanceId, event.ComputeInstanceId)
	}
}
