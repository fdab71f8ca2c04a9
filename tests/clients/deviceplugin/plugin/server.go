package main

import (
	"context"
	"fmt"
	"net"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	pluginapi "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

const (
	resourceName        = "nvidia.com/gpu"
	endpoint            = "mocknvml.sock"
	registrationTimeout = 10 * time.Second
)

// serve offers the GPUs to the kubelet until SIGTERM or SIGINT.
func serve(dir string) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()

	listener, err := net.Listen("unix", filepath.Join(dir, endpoint))
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	pluginapi.RegisterDevicePluginServer(server, devicePlugin{})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	// Not GracefulStop: ListAndWatch ends only when its connection does.
	defer server.Stop()

	// The kubelet may call back before Register returns, so the server runs already.
	if err := register(ctx, filepath.Join(dir, filepath.Base(pluginapi.KubeletSocket))); err != nil {
		return err
	}
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		return nil
	}
}

func register(ctx context.Context, kubeletSocket string) error {
	ctx, cancel := context.WithTimeout(ctx, registrationTimeout)
	defer cancel()
	connection, err := grpc.NewClient("unix:"+kubeletSocket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()

	_, err = pluginapi.NewRegistrationClient(connection).Register(ctx, &pluginapi.RegisterRequest{
		Version:      pluginapi.Version,
		Endpoint:     endpoint,
		ResourceName: resourceName,
		Options:      &pluginapi.DevicePluginOptions{},
	})
	if err != nil {
		return fmt.Errorf("register at %s: %w", kubeletSocket, err)
	}
	return nil
}

type devicePlugin struct {
	pluginapi.UnimplementedDevicePluginServer
}

func (devicePlugin) GetDevicePluginOptions(context.Context, *pluginapi.Empty) (*pluginapi.DevicePluginOptions, error) {
	return &pluginapi.DevicePluginOptions{}, nil
}

// ListAndWatch sends the GPUs once and then holds the stream: to the kubelet its end means that all devices are gone.
func (devicePlugin) ListAndWatch(
	_ *pluginapi.Empty, stream grpc.ServerStreamingServer[pluginapi.ListAndWatchResponse],
) error {
	inventory, err := readInventory()
	if err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	response := &pluginapi.ListAndWatchResponse{}
	for _, gpu := range inventory.GPUs {
		response.Devices = append(response.Devices, advertised(gpu))
	}
	if err := stream.Send(response); err != nil {
		return err
	}
	<-stream.Context().Done()
	return nil
}

// advertised is healthy always: a GPU that fails a query ends ListAndWatch with that error.
func advertised(gpu gpu) *pluginapi.Device {
	device := &pluginapi.Device{ID: gpu.UUID, Health: pluginapi.Healthy}
	if len(gpu.NUMANodes) > 0 {
		device.Topology = &pluginapi.TopologyInfo{}
	}
	for _, node := range gpu.NUMANodes {
		device.Topology.Nodes = append(device.Topology.Nodes, &pluginapi.NUMANode{ID: node})
	}
	return device
}

func (devicePlugin) Allocate(_ context.Context, request *pluginapi.AllocateRequest) (*pluginapi.AllocateResponse, error) {
	response := &pluginapi.AllocateResponse{}
	for _, container := range request.ContainerRequests {
		for _, id := range container.DevicesIds {
			if _, ret := nvml.DeviceGetHandleByUUID(id); ret != nvml.SUCCESS {
				return nil, status.Errorf(codes.InvalidArgument, "device %s: %v", id, ret)
			}
		}
		response.ContainerResponses = append(response.ContainerResponses, &pluginapi.ContainerAllocateResponse{
			Envs: map[string]string{"NVIDIA_VISIBLE_DEVICES": strings.Join(container.DevicesIds, ",")},
		})
	}
	return response, nil
}
