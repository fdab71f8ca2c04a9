// Command kubelet plays the kubelet's part of the device plugin API once and prints what it received as JSON. It starts
// the plugin itself, as a kubelet starts a plugin's pod: so kubelet.sock is there before the plugin looks for it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"google.golang.org/grpc"
	pluginapi "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

// timeout bounds the whole conversation, the plugin's life included.
const timeout = 30 * time.Second

func main() {
	dir := flag.String("dir", ".", "folder of kubelet.sock and of the plugin's socket")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: kubelet [-dir FOLDER] PLUGIN [ARGUMENT ...]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}

	received, err := run(*dir, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "kubelet:", err)
		os.Exit(1)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(received); err != nil {
		fmt.Fprintln(os.Stderr, "kubelet:", err)
		os.Exit(1)
	}
}

func run(dir string, plugin []string) (*received, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()

	listener, err := net.Listen("unix", filepath.Join(dir, filepath.Base(pluginapi.KubeletSocket)))
	if err != nil {
		return nil, err
	}
	registrations := make(chan *pluginapi.RegisterRequest)
	server := grpc.NewServer()
	pluginapi.RegisterRegistrationServer(server, registrationServer{requests: registrations})
	go server.Serve(listener)
	defer server.Stop()

	command := exec.CommandContext(ctx, plugin[0], plugin[1:]...)
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		return nil, err
	}
	exited := make(chan struct{})
	var exitError error
	go func() {
		exitError = command.Wait()
		close(exited)
	}()
	// No plugin outlives its kubelet, whatever goes wrong.
	defer func() {
		cancel()
		<-exited
	}()

	var result *received
	select {
	case registration := <-registrations:
		if result, err = converse(ctx, dir, registration); err != nil {
			return nil, err
		}
	case <-exited:
		return nil, fmt.Errorf("the plugin ended before it registered: %s", command.ProcessState)
	case <-ctx.Done():
		return nil, errors.New("the plugin did not register in time")
	}

	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		return nil, fmt.Errorf("stop the plugin: %w", err)
	}
	<-exited
	if exitError != nil {
		return nil, fmt.Errorf("the plugin after SIGTERM: %w", exitError)
	}
	return result, nil
}
