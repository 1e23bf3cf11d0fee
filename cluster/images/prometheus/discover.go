// discover answers, by Prometheus' HTTP service discovery, with the targets that its Kubernetes service
// discovery would find for role pod, and the same labels. Debian builds Prometheus without that.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"time"
)

const account = "/var/run/secrets/kubernetes.io/serviceaccount/"

type pod struct {
	Metadata struct {
		Name, Namespace, UID string
		Labels, Annotations  map[string]string
		OwnerReferences      []struct {
			Kind, Name string
			Controller bool
		}
	}
	Spec struct {
		NodeName                   string
		Containers, InitContainers []container
	}
	Status struct {
		Phase, PodIP, HostIP string
		Conditions           []struct{ Type, Status string }
	}
}

type container struct {
	Name, Image string
	Ports       []struct {
		Name, Protocol string
		ContainerPort  int
	}
}

type target struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

func main() {
	client, err := apiClient()
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/pods", func(w http.ResponseWriter, _ *http.Request) {
		pods, err := list(client)
		if err != nil { // Prometheus then goes on with what it knows
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		targets := []target{}
		for _, pod := range pods {
			targets = append(targets, pod.targets()...)
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(targets)
	})
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}

func apiClient() (*http.Client, error) {
	authority, err := os.ReadFile(account + "ca.crt")
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	return &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
	}, nil
}

func list(client *http.Client) ([]pod, error) {
	token, err := os.ReadFile(account + "token") // is replaced now and then
	if err != nil {
		return nil, err
	}
	host := net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	request, err := http.NewRequest("GET", "https://"+host+"/api/v1/pods?resourceVersion=0", nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+string(token))
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the API server says %s", answer.Status)
	}
	var pods struct{ Items []pod }
	err = json.NewDecoder(answer.Body).Decode(&pods)
	return pods.Items, err
}

// targets: one for each port that a container declares, and one for each container that declares none.
func (pod *pod) targets() (found []target) {
	if pod.Status.PodIP == "" {
		return nil
	}
	for _, container := range pod.Spec.Containers {
		found = append(found, pod.targetsIn(container, false)...)
	}
	for _, container := range pod.Spec.InitContainers {
		found = append(found, pod.targetsIn(container, true)...)
	}
	return found
}

func (pod *pod) targetsIn(container container, init bool) (found []target) {
	labels := pod.labels()
	labels["__meta_kubernetes_pod_container_name"] = container.Name
	labels["__meta_kubernetes_pod_container_image"] = container.Image
	labels["__meta_kubernetes_pod_container_init"] = strconv.FormatBool(init)
	if len(container.Ports) == 0 {
		return []target{{[]string{pod.Status.PodIP}, labels}}
	}
	for _, port := range container.Ports {
		number, labels := strconv.Itoa(port.ContainerPort), maps.Clone(labels)
		labels["__meta_kubernetes_pod_container_port_name"] = port.Name
		labels["__meta_kubernetes_pod_container_port_number"] = number
		labels["__meta_kubernetes_pod_container_port_protocol"] = port.Protocol
		found = append(found, target{[]string{net.JoinHostPort(pod.Status.PodIP, number)}, labels})
	}
	return found
}

var notInLabels = regexp.MustCompile("[^a-zA-Z0-9_]")

func (pod *pod) labels() map[string]string {
	const prefix = "__meta_kubernetes_pod_"
	labels := map[string]string{
		"__meta_kubernetes_namespace": pod.Metadata.Namespace,
		prefix + "name":               pod.Metadata.Name,
		prefix + "uid":                pod.Metadata.UID,
		prefix + "ip":                 pod.Status.PodIP,
		prefix + "host_ip":            pod.Status.HostIP,
		prefix + "node_name":          pod.Spec.NodeName,
		prefix + "phase":              pod.Status.Phase,
		prefix + "ready":              "unknown",
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == "Ready" {
			labels[prefix+"ready"] = map[string]string{"True": "true", "False": "false"}[condition.Status]
		}
	}
	for _, owner := range pod.Metadata.OwnerReferences {
		if owner.Controller {
			labels[prefix+"controller_kind"] = owner.Kind
			labels[prefix+"controller_name"] = owner.Name
		}
	}
	for kind, values := range map[string]map[string]string{"label": pod.Metadata.Labels, "annotation": pod.Metadata.Annotations} {
		for name, value := range values {
			name = notInLabels.ReplaceAllString(name, "_")
			labels[prefix+kind+"_"+name] = value
			labels[prefix+kind+"present_"+name] = "true"
		}
	}
	return labels
}
