// Command kubelet is what the control plane of the tests has for a node's kubelet: port-forward and container logs, by the code that
// kubelet and container runtimes have for them (k8s.io/cri-streaming, k8s.io/cri-client), and its statistics, in its own types. Nothing is run: a pod's ports are ports of
// loopback, and its log is a file that somebody writes.
//
//	kubelet --listen 127.0.0.1:PORT --folder FOLDER
//
// FOLDER/pods.json says what there is, and is read for each request:
//
//	{"NAMESPACE/POD": {"container": "ID", "ended": false, "ports": {"5432": 40123}, "log": "/path",
//	    "volumes": {"CLAIM": {"used": 1024, "capacity": 4096}}}}
//
// `log` is what the container writes. A line of it gets the time at which it is seen, as a container runtime does it, and is kept in
// FOLDER/logs; a file NAME.cri is as a container runtime keeps it already.
package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	internalapi "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-client/pkg/logs"
	"k8s.io/cri-streaming/pkg/streaming"
	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	stats "k8s.io/kubelet/pkg/apis/stats/v1alpha1"
)

type volume struct {
	Used     uint64 `json:"used"`
	Capacity uint64 `json:"capacity"`
}

type pod struct {
	Container string            `json:"container"`
	Ended     bool              `json:"ended"`
	Ports     map[string]int    `json:"ports"`
	Log       string            `json:"log"`
	Volumes   map[string]volume `json:"volumes"`
}

// node is the container runtime: it knows the pods, and is asked by the code of Kubernetes.
type node struct {
	folder  string
	lock    sync.Mutex
	kept    map[string]bool
	streams streaming.Server
}

// containers is the one question about containers that following a log asks.
type containers struct {
	internalapi.RuntimeService // nothing else of it
	node                       *node
}

func (n *node) pods() map[string]pod {
	found := map[string]pod{}
	if text, err := os.ReadFile(filepath.Join(n.folder, "pods.json")); err == nil {
		_ = json.Unmarshal(text, &found)
	}
	return found
}

// ---- port-forward

func (n *node) Exec(context.Context, string, []string, io.Reader, io.WriteCloser, io.WriteCloser, bool, <-chan remotecommand.TerminalSize) error {
	return errors.New("nothing is run here")
}

func (n *node) Attach(context.Context, string, io.Reader, io.WriteCloser, io.WriteCloser, bool, <-chan remotecommand.TerminalSize) error {
	return errors.New("nothing is run here")
}

// PortForward is containerd's, without the network namespace: both directions until one of them has ended.
func (n *node) PortForward(_ context.Context, sandbox string, port int32, stream io.ReadWriteCloser) error {
	where, ok := n.pods()[sandbox].Ports[strconv.Itoa(int(port))]
	if !ok {
		return fmt.Errorf("failed to connect to localhost:%d inside the pod: connection refused", port)
	}
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(where)))
	if err != nil {
		return fmt.Errorf("failed to connect to localhost:%d inside the pod: %w", port, err)
	}
	defer conn.Close()
	ended := make(chan error, 2)
	copying := func(to io.Writer, from io.Reader) {
		_, err := io.Copy(to, from)
		ended <- err
	}
	go copying(stream, conn)
	go copying(conn, stream)
	return <-ended
}

func (n *node) forward(w http.ResponseWriter, r *http.Request) {
	sandbox := r.PathValue("namespace") + "/" + r.PathValue("pod")
	options, err := portforward.NewV4Options(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if _, ok := n.pods()[sandbox]; !ok {
		http.Error(w, "pod does not exist", http.StatusNotFound)
		return
	}
	answer, err := n.streams.GetPortForward(&runtimeapi.PortForwardRequest{PodSandboxId: sandbox, Port: options.Ports})
	if err != nil {
		streaming.WriteError(err, w)
		return
	}
	place, _ := url.Parse(answer.Url)
	r.URL.Path, r.RequestURI = place.Path, place.Path
	n.streams.ServeHTTP(w, r)
}

// ---- logs

// keep writes what a container writes as a container runtime keeps it, as long as this process lives.
func (n *node) keep(source, file string) {
	n.lock.Lock()
	defer n.lock.Unlock()
	if n.kept[file] {
		return
	}
	n.kept[file] = true
	out, err := os.Create(file)
	if err != nil {
		log.Fatal(err)
	}
	in, err := os.Open(source)
	if err != nil {
		return
	}
	reader, part := bufio.NewReader(in), ""
	step := func() bool {
		text, err := reader.ReadString('\n')
		part += text
		if err != nil {
			return false
		}
		fmt.Fprintf(out, "%s stdout F %s", time.Now().UTC().Format(logs.RFC3339NanoFixed), part)
		part = ""
		return true
	}
	for step() {
	}
	go func() {
		for {
			if !step() {
				time.Sleep(20 * time.Millisecond)
			}
		}
	}()
}

func (c containers) ContainerStatus(_ context.Context, id string, _ bool) (*runtimeapi.ContainerStatusResponse, error) {
	for _, pod := range c.node.pods() {
		if pod.Container == id && !pod.Ended {
			return &runtimeapi.ContainerStatusResponse{
				Status: &runtimeapi.ContainerStatus{State: runtimeapi.ContainerState_CONTAINER_RUNNING}}, nil
		}
	}
	return &runtimeapi.ContainerStatusResponse{
		Status: &runtimeapi.ContainerStatus{State: runtimeapi.ContainerState_CONTAINER_EXITED}}, nil
}

type flushing struct{ http.ResponseWriter }

func (f flushing) Write(bytes []byte) (int, error) {
	written, err := f.ResponseWriter.Write(bytes)
	f.ResponseWriter.(http.Flusher).Flush()
	return written, err
}

// options as the kubelet makes them of v1.PodLogOptions.
func logOptions(query url.Values) *logs.LogOptions {
	made := &logs.LogOptions{Follow: query.Get("follow") == "true", Timestamp: query.Get("timestamps") == "true"}
	if seconds, err := strconv.Atoi(query.Get("sinceSeconds")); err == nil {
		made.Since = time.Now().Add(-time.Duration(seconds) * time.Second)
	}
	if since, err := time.Parse(time.RFC3339, query.Get("sinceTime")); err == nil {
		made.Since = since
	}
	if lines, err := strconv.ParseInt(query.Get("tailLines"), 10, 64); err == nil {
		made.TailLines = &lines
	}
	return made
}

func (n *node) containerLogs(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("namespace") + "/" + r.PathValue("pod")
	found, ok := n.pods()[name]
	if !ok {
		http.Error(w, fmt.Sprintf("pod %q does not exist", r.PathValue("pod")), http.StatusNotFound)
		return
	}
	file := filepath.Join(n.folder, "logs", strings.ReplaceAll(name, "/", "_")+"_"+found.Container+".log")
	if strings.HasSuffix(found.Log, ".cri") {
		file = found.Log
	} else {
		n.keep(found.Log, file)
	}
	out := flushing{w}
	if err := logs.ReadLogs(r.Context(), file, found.Container, logOptions(r.URL.Query()), containers{node: n}, out, out); err != nil && status.Code(err) != codes.Canceled {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

// ---- statistics

func (n *node) summary(w http.ResponseWriter, _ *http.Request) {
	said := stats.Summary{Pods: []stats.PodStats{}}
	for key, pod := range n.pods() {
		namespace, name, _ := strings.Cut(key, "/")
		one := stats.PodStats{PodRef: stats.PodReference{Name: name, Namespace: namespace}, Containers: []stats.ContainerStats{}}
		for claim, volume := range pod.Volumes {
			free := volume.Capacity - volume.Used
			one.VolumeStats = append(one.VolumeStats, stats.VolumeStats{Name: "pgdata", PVCRef: &stats.PVCReference{Name: claim, Namespace: namespace},
				FsStats: stats.FsStats{Time: metav1.Now(), UsedBytes: &volume.Used, CapacityBytes: &volume.Capacity, AvailableBytes: &free}})
		}
		said.Pods = append(said.Pods, one)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(said)
}

// ---- the server

func certificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(48 * time.Hour)}
	bytes, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		log.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{bytes}, PrivateKey: key}
}

func main() {
	listen := flag.String("listen", "", "address and port")
	folder := flag.String("folder", "", "where pods.json is, and logs are kept")
	flag.Parse()
	n := &node{folder: *folder, kept: map[string]bool{}}
	if err := os.MkdirAll(filepath.Join(*folder, "logs"), 0o755); err != nil {
		log.Fatal(err)
	}
	config := streaming.DefaultConfig
	config.BaseURL = &url.URL{Scheme: "https", Host: *listen, Path: "/cri/"}
	streams, err := streaming.NewServer(config, n)
	if err != nil {
		log.Fatal(err)
	}
	n.streams = streams
	mux := http.NewServeMux()
	mux.HandleFunc("/portForward/{namespace}/{pod}", n.forward)
	mux.HandleFunc("/containerLogs/{namespace}/{pod}/{container}", n.containerLogs)
	mux.HandleFunc("/stats/summary", n.summary)
	server := &http.Server{Addr: *listen, Handler: mux, TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate()}},
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}} // an upgrade is of HTTP/1.1
	log.Fatal(server.ListenAndServeTLS("", ""))
}
