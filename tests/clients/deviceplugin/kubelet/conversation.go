package main

import (
	"context"
	"fmt"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	pluginapi "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

// received is the plugin's side of the conversation. Allocation is empty when there are no devices to ask for.
type received struct {
	Registration      message  `json:"registration"`
	Options           message  `json:"options"`
	DeviceList        message  `json:"device_list"`
	RequestedIDs      []string `json:"requested_ids"`
	Allocation        message  `json:"allocation"`
	UnknownDeviceCode string   `json:"unknown_device_code"`
}

// message is encoded with the names of api.proto and with default values.
type message struct{ proto.Message }

func (m message) MarshalJSON() ([]byte, error) {
	return protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(m.Message)
}

// unknownDevice is well formed but no GPU's id.
const unknownDevice = "GPU-00000000-0000-0000-0000-000000000000"

type registrationServer struct {
	pluginapi.UnimplementedRegistrationServer
	requests chan *pluginapi.RegisterRequest
}

func (s registrationServer) Register(
	ctx context.Context, request *pluginapi.RegisterRequest,
) (*pluginapi.Empty, error) {
	select {
	case s.requests <- request:
		return &pluginapi.Empty{}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// converse asks a registered plugin everything that a kubelet asks to start one container with two devices.
func converse(ctx context.Context, dir string, registration *pluginapi.RegisterRequest) (*received, error) {
	socket := filepath.Join(dir, registration.Endpoint)
	connection, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	plugin := pluginapi.NewDevicePluginClient(connection)

	options, err := plugin.GetDevicePluginOptions(ctx, &pluginapi.Empty{})
	if err != nil {
		return nil, fmt.Errorf("GetDevicePluginOptions: %w", err)
	}
	stream, err := plugin.ListAndWatch(ctx, &pluginapi.Empty{})
	if err != nil {
		return nil, fmt.Errorf("ListAndWatch: %w", err)
	}
	list, err := stream.Recv()
	if err != nil {
		return nil, fmt.Errorf("ListAndWatch: %w", err)
	}

	ids := []string{}
	for _, device := range list.Devices[:min(2, len(list.Devices))] {
		ids = append(ids, device.ID)
	}
	var allocation *pluginapi.AllocateResponse
	if len(ids) > 0 {
		if allocation, err = allocate(ctx, plugin, ids); err != nil {
			return nil, fmt.Errorf("Allocate: %w", err)
		}
	}
	_, err = allocate(ctx, plugin, []string{unknownDevice})

	return &received{
		Registration:      message{registration},
		Options:           message{options},
		DeviceList:        message{list},
		RequestedIDs:      ids,
		Allocation:        message{allocation},
		UnknownDeviceCode: status.Code(err).String(),
	}, nil
}

func allocate(
	ctx context.Context, plugin pluginapi.DevicePluginClient, ids []string,
) (*pluginapi.AllocateResponse, error) {
	return plugin.Allocate(ctx, &pluginapi.AllocateRequest{
		ContainerRequests: []*pluginapi.ContainerAllocateRequest{{DevicesIds: ids}},
	})
}
