// Command pulumi-resource-kubernetes serves Pulumi's Kubernetes provider.
package main

import (
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

func main() {
	provider.Serve("kubernetes", version.Version,
		[]byte(`{"name":"kubernetes","version":"`+version.Version+`"}`), []byte(`{}`))
}
