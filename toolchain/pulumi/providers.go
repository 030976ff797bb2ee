package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/pkg/v3/backend"
	"github.com/pulumi/pulumi/pkg/v3/engine"
	pkghost "github.com/pulumi/pulumi/pkg/v3/host"
	"github.com/pulumi/pulumi/pkg/v3/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
)

var _ = fmt.Sprint
var _ = strings.Cut
var _ = backend.DisableIntegrityChecking
var _ sync.Mutex

type providers struct{ ctx context.Context }

func newProviders(ctx context.Context) *providers { return &providers{ctx} }

func (p *providers) close() {}

type lease struct{ p *providers }

func (p *providers) lease(stack string) *lease { return &lease{p} }

func (l *lease) release(failed bool) {}

func (l *lease) factory(ctx context.Context, d, statusD diag.Sink, debug plugin.DebugContext) (plugin.Host, error) {
	return pkghost.New(ctx, d, statusD, debug, nil, nil, nil, nil)
}

var _ engine.HostFactory = (*lease)(nil).factory
