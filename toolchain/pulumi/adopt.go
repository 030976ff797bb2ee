package main

import (
	"strings"

	"github.com/pulumi/pulumi/pkg/v3/resource/deploy"
	sdkproviders "github.com/pulumi/pulumi/sdk/v3/go/common/providers"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

// adopt settles what a killed update left under way, and says whether live resources have to be read now.
//
// Pulumi leaves creates that it doesn't know the end of to a person, who looks each up and says its ID. The IDs of
// tenants' resources are known beforehand, so they are taken for made here, and the refresh that has to follow drops
// those that never were. A resource without such an ID (an access key) is made anew by its provider, which cleans up.
func adopt(snapshot *deploy.Snapshot) bool {
	if snapshot == nil || len(snapshot.PendingOperations) == 0 {
		return false
	}
	known := map[resource.URN]bool{}
	for _, r := range snapshot.Resources {
		known[r.URN] = true
	}
	for _, op := range snapshot.PendingOperations {
		made := op.Resource
		if op.Type != resource.OperationTypeCreating || known[made.URN] || !isProvided(made, known) {
			continue
		}
		if made.ID = foretold(made.Type, made.Inputs); made.ID != "" {
			made.Outputs = made.Inputs
			snapshot.Resources = append(snapshot.Resources, made)
			known[made.URN] = true
		}
	}
	snapshot.PendingOperations = nil
	return true
}

func isProvided(r *resource.State, known map[resource.URN]bool) bool {
	ref, err := sdkproviders.ParseReference(r.Provider)
	return err == nil && known[ref.URN()]
}

// foretold gives the ID that a resource gets, by the rules of its provider; it is empty where only the site knows it.
func foretold(kind tokens.Type, inputs resource.PropertyMap) resource.ID {
	if strings.HasPrefix(string(kind), "kubernetes:") {
		metadata := plain(inputs["metadata"])
		if !metadata.IsObject() {
			return ""
		}
		return join(text(metadata.ObjectValue()["namespace"]), text(metadata.ObjectValue()["name"]))
	}
	switch kind {
	case "objectstore:index:Bucket", "objectstore:index:User", "objectstore:index:Role":
		return join(text(inputs["site"]), text(inputs["name"]))
	}
	return ""
}

// join gives `first/name`, or `name` alone; nothing where there is no name.
func join(first, name string) resource.ID {
	if first == "" || name == "" {
		return resource.ID(name)
	}
	return resource.ID(first + "/" + name)
}

func plain(value resource.PropertyValue) resource.PropertyValue {
	for value.IsSecret() {
		value = value.SecretValue().Element
	}
	return value
}

func text(value resource.PropertyValue) string {
	if value = plain(value); value.IsString() {
		return value.StringValue()
	}
	return ""
}
