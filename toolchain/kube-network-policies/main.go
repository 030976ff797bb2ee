// Command kube-network-policies enforces NetworkPolicies on the node that it runs on.
//
// Upstream's own main reads its credentials as a pod does; this one, as a unit of the host, from a kubeconfig. It doesn't
// answer to signals: what ends it leaves its rules, and the kernel drops what they hand to nobody.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
)

// The queue of the kernel in which new connections wait for a verdict.
const queue = 100

var version string

func main() {
	klog.InitFlags(nil)
	kubeconfig := flag.String("kubeconfig", "", "by which the API server is reached")
	node := flag.String("hostname-override", "", "the node's name")
	block := flag.String("pods", "", "the block of addresses that the node's pods have")
	shown := flag.Bool("version", false, "print the version, and exit")
	flag.Parse()
	if *shown {
		fmt.Println("kube-network-policies", version)
		os.Exit(0)
	}
	log.Fatal(run(context.Background(), *kubeconfig, *node, *block))
}

func run(ctx context.Context, kubeconfig, node, block string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.ContentType = "application/vnd.kubernetes.protobuf"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	all := informers.NewSharedInformerFactory(client, 0)
	pods := all.Core().V1().Pods()
	// Debian's containerd has no NRI, by which upstream would learn of a pod's address before the API server tells.
	controller, err := networkpolicy.NewController(client, all.Networking().V1().NetworkPolicies(),
		all.Core().V1().Namespaces(), pods, nil, nil, nil, nil,
		networkpolicy.Config{NodeName: node, QueueID: queue, NetfilterBug1766Fix: true, NRIdisabled: true})
	if err != nil {
		return err
	}
	if err := guard(ctx, pods, node, block); err != nil {
		return err
	}
	all.Start(ctx.Done())
	return controller.Run(ctx)
}
