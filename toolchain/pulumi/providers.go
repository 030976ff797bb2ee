package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/pkg/v3/engine"
	pkghost "github.com/pulumi/pulumi/pkg/v3/host"
	"github.com/pulumi/pulumi/pkg/v3/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/env"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
)

// The providers whose processes updates share. A configured Kubernetes provider holds its clients and what it read of
// the API's schema, and nothing of a stack: its calls carry all else.
var shared = []string{"kubernetes"}

// providers keeps provider processes beyond the update that started them: one for each configuration, which is one for
// each site. The engine ends its providers after each update; here it ends its lease.
type providers struct {
	ctx    context.Context
	router *router

	mutex     sync.Mutex
	host      plugin.Host
	context   *plugin.Context
	processes []*process
}

// process is a running provider. It is configured once, and retired with the first update that fails on it: whatever
// was wrong, such as a site that wasn't there, isn't remembered by its successor.
type process struct {
	plugin.Provider
	name    string
	inputs  resource.PropertyMap
	ready   chan struct{} // closed when it is configured, or failed to be
	failed  error
	users   int
	retired bool
}

func newProviders(ctx context.Context) *providers {
	return &providers{ctx: ctx, router: &router{sinks: map[string]diag.Sink{}}}
}

// lease is one update's use of providers.
type lease struct {
	providers *providers
	stack     string
	root      string
	used      []*process
}

func (p *providers) lease(stack, root string) *lease {
	return &lease{providers: p, stack: stack, root: root}
}

// factory builds the update's own plugin host, which has all that isn't shared.
func (l *lease) factory(ctx context.Context, d, statusD diag.Sink, debug plugin.DebugContext) (plugin.Host, error) {
	own, err := pkghost.New(ctx, d, statusD, debug, nil, nil, nil, nil)
	if err != nil {
		return nil, err
	}
	l.providers.router.add(l.stack, d)
	return &leasingHost{Host: own, lease: l}, nil
}

var _ engine.HostFactory = (*lease)(nil).factory

// release ends an update's use of its providers.
func (l *lease) release(failed bool) {
	p := l.providers
	p.router.remove(l.stack)
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, used := range l.used {
		used.users--
		used.retired = used.retired || failed
	}
	p.processes = slices.DeleteFunc(p.processes, func(one *process) bool {
		over := one.retired && one.users == 0
		if over {
			_ = one.Provider.Close()
		}
		return over
	})
}

// close ends all processes; their host asks each to end, and kills it if it doesn't.
func (p *providers) close() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.host != nil {
		_ = p.host.Close()
	}
}

// take gives the lease a process: one that is configured so, else one that isn't configured yet, else a new one. With
// no inputs, which is before it is known how it will be configured, any will do.
func (l *lease) take(d workspace.PluginDescriptor, inputs resource.PropertyMap) (one *process, isNew bool, err error) {
	p := l.providers
	p.mutex.Lock()
	defer p.mutex.Unlock()
	fits := func(one *process) bool {
		return one.name == d.Name && !one.retired && (inputs == nil || one.inputs != nil && one.inputs.DeepEquals(inputs))
	}
	free := func(one *process) bool { return one.name == d.Name && !one.retired && one.inputs == nil }
	i := slices.IndexFunc(p.processes, fits)
	if i < 0 {
		i = slices.IndexFunc(p.processes, free)
		isNew = true
	}
	if i < 0 {
		if one, err = p.start(l.root, d); err != nil {
			return nil, false, err
		}
		p.processes = append(p.processes, one)
		i = len(p.processes) - 1
	}
	one = p.processes[i]
	if inputs != nil && isNew {
		one.inputs = inputs
	}
	if !slices.Contains(l.used, one) {
		one.users++
		l.used = append(l.used, one)
	}
	return one, isNew, nil
}

func (p *providers) start(root string, d workspace.PluginDescriptor) (*process, error) {
	if p.host == nil {
		host, err := pkghost.New(p.ctx, p.router, p.router, nil, nil, nil, nil, nil)
		if err != nil {
			return nil, err
		}
		p.host = host
		if p.context, err = plugin.NewContextWithHost(p.ctx, p.router, p.router, host, root, root, nil); err != nil {
			return nil, err
		}
	}
	started, err := p.host.Provider(p.context, d, env.Global())
	if err != nil {
		return nil, err
	}
	return &process{Provider: started, name: d.Name, ready: make(chan struct{})}, nil
}

// leasingHost gives leased providers where they are shared.
type leasingHost struct {
	plugin.Host
	lease *lease
}

// Provider leases a provider, or starts one as ever.
func (h *leasingHost) Provider(
	ctx *plugin.Context, d workspace.PluginDescriptor, e env.Env,
) (plugin.Provider, error) {
	attached := strings.Contains(","+os.Getenv("PULUMI_DEBUG_PROVIDERS"), ","+d.Name+":")
	if attached || !slices.Contains(shared, d.Name) {
		return h.Host.Provider(ctx, d, e)
	}
	one, _, err := h.lease.take(d, nil)
	if err != nil {
		return nil, err
	}
	return &leased{Provider: one.Provider, descriptor: d, lease: h.lease}, nil
}

// leased is a provider as one update sees it.
type leased struct {
	plugin.Provider
	descriptor workspace.PluginDescriptor
	lease      *lease
}

// Configure finds the process that is configured so already, or configures one.
func (p *leased) Configure(ctx context.Context, r plugin.ConfigureRequest) (plugin.ConfigureResponse, error) {
	if r.Inputs == nil || r.Inputs.ContainsUnknowns() {
		return plugin.ConfigureResponse{}, fmt.Errorf("the settings of provider %s aren't known yet", p.descriptor.Name)
	}
	one, isNew, err := p.lease.take(p.descriptor, r.Inputs)
	if err != nil {
		return plugin.ConfigureResponse{}, err
	}
	p.Provider = one.Provider
	if !isNew {
		<-one.ready
		return plugin.ConfigureResponse{}, one.failed
	}
	defer close(one.ready)
	response, err := one.Provider.Configure(ctx, r)
	one.failed = err
	return response, err
}

// SignalCancellation would end the calls of all updates; this one's end with their contexts.
func (p *leased) SignalCancellation(context.Context) error { return nil }

// Close leaves the process to its other users.
func (p *leased) Close() error { return nil }

// router takes what shared providers say of a resource to the update that it belongs to.
type router struct {
	mutex sync.RWMutex
	sinks map[string]diag.Sink
}

func (r *router) add(stack string, sink diag.Sink) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.sinks[stack] = sink
}

func (r *router) remove(stack string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.sinks, stack)
}

// Logf implements diag.Sink. What is said of no resource concerns all updates if it is an error, else none.
func (r *router) Logf(sev diag.Severity, d *diag.Diag, args ...any) {
	r.mutex.RLock()
	defer r.mutex.RUnlock()
	if d.URN != "" {
		if sink := r.sinks[d.URN.Stack().String()]; sink != nil {
			sink.Logf(sev, d, args...)
		}
	} else if sev == diag.Error {
		for _, sink := range r.sinks {
			sink.Logf(sev, d, args...)
		}
	}
}

func (r *router) Debugf(d *diag.Diag, args ...any)   { r.Logf(diag.Debug, d, args...) }
func (r *router) Infof(d *diag.Diag, args ...any)    { r.Logf(diag.Info, d, args...) }
func (r *router) Infoerrf(d *diag.Diag, args ...any) { r.Logf(diag.Infoerr, d, args...) }
func (r *router) Errorf(d *diag.Diag, args ...any)   { r.Logf(diag.Error, d, args...) }
func (r *router) Warningf(d *diag.Diag, args ...any) { r.Logf(diag.Warning, d, args...) }
