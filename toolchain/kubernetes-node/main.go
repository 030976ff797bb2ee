// Command pause is the first process of every pod: it holds the pod's namespaces, and takes in orphans.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

var version string

func main() {
	if len(os.Args) > 1 {
		fmt.Println("pause", version)
		return
	}
	asked := make(chan os.Signal, 16)
	signal.Notify(asked, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for one := range asked {
		if one != syscall.SIGCHLD {
			return
		}
		for {
			// Several may have ended for one signal.
			ended, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if ended <= 0 || err != nil {
				break
			}
		}
	}
}
