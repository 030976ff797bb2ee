package main

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	informers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// What nobody knows yet neither sends nor is sent to, and every new connection of the others is judged: upstream's own
// rules let pass what no policy selects, and a pod that has just been started looks so until its address is published.
const rules = `table inet tenantry_guard
delete table inet tenantry_guard
table inet tenantry_guard {
	set known {
		type ipv4_addr
		%[1]s
	}
	chain forward {
		type filter hook forward priority filter - 10; policy accept;
		ct state established,related accept
		ip saddr %[2]s ip saddr != @known drop
		ip daddr %[2]s ip daddr != @known drop
	}
	chain postrouting {
		type filter hook postrouting priority srcnat - 6; policy accept;
		ct state established,related accept
		meta skuid 0 accept
		udp dport 53 accept comment "upstream judges it in prerouting, for a fault of the kernel before 6.12"
		ip saddr %[2]s queue num %[3]d
		ip daddr %[2]s queue num %[3]d
	}
}
`

// guard keeps, in the kernel, which of the node's pods the controller knows by their addresses.
//
// The informer that tells of a pod is the controller's own, so a pod that is known here is judged as itself there.
func guard(ctx context.Context, pods informers.PodInformer, node, block string) error {
	if _, err := netip.ParsePrefix(block); err != nil {
		return fmt.Errorf("--pods: %w", err)
	}
	changed := make(chan struct{}, 1)
	tell := func(any) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	informer := pods.Informer()
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: tell, DeleteFunc: tell, UpdateFunc: func(_, changed any) { tell(changed) },
	})
	if err != nil {
		return err
	}
	go func() {
		cache.WaitForCacheSync(ctx.Done(), informer.HasSynced)
		last := "none yet"
		for {
			if now := known(pods, node); now != last {
				if err := load(fmt.Sprintf(rules, now, block, queue)); err != nil {
					klog.ErrorS(err, "loading which pods are known")
					time.Sleep(time.Second)
					continue
				}
				last = now
			}
			<-changed
		}
	}()
	return nil
}

// known gives the elements of the set, in order, so that the same pods are the same text.
func known(pods informers.PodInformer, node string) string {
	all, err := pods.Lister().List(labels.Everything())
	if err != nil {
		return ""
	}
	var addresses []string
	for _, pod := range all {
		// The address of a pod that has ended may be another one's by now.
		ended := pod.Status.Phase == v1.PodSucceeded || pod.Status.Phase == v1.PodFailed
		if pod.Spec.NodeName != node || pod.Spec.HostNetwork || ended {
			continue
		}
		for _, one := range pod.Status.PodIPs {
			if address, err := netip.ParseAddr(one.IP); err == nil && address.Is4() {
				addresses = append(addresses, address.String())
			}
		}
	}
	if len(addresses) == 0 {
		return ""
	}
	slices.Sort(addresses)
	return "elements = { " + strings.Join(slices.Compact(addresses), ", ") + " }"
}

func load(text string) error {
	command := exec.Command("nft", "--file", "-")
	command.Stdin = strings.NewReader(text)
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, said)
	}
	return nil
}
