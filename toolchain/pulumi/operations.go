package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/pflag"

	"github.com/pulumi/pulumi/pkg/v3/backend"
	"github.com/pulumi/pulumi/pkg/v3/backend/diy"
	"github.com/pulumi/pulumi/pkg/v3/util/cancel"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
)

// host holds what all requests share: one backend, the providers, and which stacks are being worked on.
type host struct {
	ctx       context.Context
	out       *writer
	running   sync.WaitGroup
	ending    sync.Once
	providers *providers
	sink      diag.Sink

	mutex   sync.Mutex
	opened  *opened
	updates map[string]*cancel.Source
	ended   bool
}

// opened is a backend with the project whose stacks it keeps.
type opened struct {
	backend diy.Backend
	project *workspace.Project
	store   *store
	root    string
}

// options are the flags of the Automation API's command lines that have a meaning here.
type options struct {
	stack, client              string
	parallel                   int32
	refresh, remove, targetDep bool
	targets, excludes          []string
	continueOnError            bool
}

func newHost(ctx context.Context, out *writer) *host {
	sink := diag.DefaultSink(os.Stderr, os.Stderr, diag.FormatOptions{Color: colors.Never})
	return &host{ctx: ctx, out: out, sink: sink, providers: newProviders(ctx), updates: map[string]*cancel.Source{}}
}

// run carries out a command line and gives what it prints.
func (h *host) run(r request) (string, error) {
	opts, words, err := parse(r.Args)
	if err != nil {
		return "", err
	}
	o, err := h.open(r.Cwd)
	if err != nil {
		return "", err
	}
	command := ""
	if len(words) > 0 {
		command = words[0]
	}
	if command == "stack" && len(words) > 1 {
		command = "stack " + words[1]
		if len(words) > 2 {
			opts.stack = words[2]
		}
	}
	switch command {
	case "up":
		return "", h.update(r, o, opts, apitype.UpdateUpdate, false)
	case "preview":
		return "", h.update(r, o, opts, apitype.PreviewUpdate, true)
	case "refresh":
		return "", h.update(r, o, opts, apitype.RefreshUpdate, false)
	case "destroy":
		return "", h.update(r, o, opts, apitype.DestroyUpdate, false)
	case "cancel":
		return "", h.cancel(o, opts.stack)
	case "stack init":
		return "", h.create(o, opts.stack)
	case "stack rm":
		return "", h.remove(o, opts.stack)
	case "stack ls":
		return h.list(o)
	case "stack export":
		return h.export(o, opts.stack)
	}
	return "", fmt.Errorf("unknown command %q", words)
}

// parse reads a command line. Flags about how things look on a terminal are taken and do nothing.
func parse(args []string) (options, []string, error) {
	var o options
	flags := pflag.NewFlagSet("pulumi-engine", pflag.ContinueOnError)
	flags.StringVarP(&o.stack, "stack", "s", "", "")
	flags.StringVar(&o.client, "client", "", "")
	flags.Int32Var(&o.parallel, "parallel", 32, "")
	flags.BoolVar(&o.refresh, "refresh", false, "")
	flags.BoolVar(&o.remove, "remove", false, "")
	flags.BoolVar(&o.continueOnError, "continue-on-error", false, "")
	flags.BoolVar(&o.targetDep, "target-dependents", false, "")
	flags.StringArrayVar(&o.targets, "target", nil, "")
	flags.StringArrayVar(&o.excludes, "exclude", nil, "")
	for _, name := range []string{
		"yes", "skip-preview", "non-interactive", "suppress-outputs", "suppress-progress", "json", "all", "debug",
	} {
		flags.Bool(name, false, "")
	}
	for _, name := range []string{"color", "exec-kind", "event-log", "secrets-provider", "message"} {
		flags.String(name, "", "")
	}
	err := flags.Parse(args)
	return o, flags.Args(), err
}

// open gives the backend, which is opened once: its project and its address are those of the first request.
func (h *host) open(root string) (*opened, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.opened != nil {
		if h.opened.root != root {
			return nil, fmt.Errorf("the engine works in %s, not in %s", h.opened.root, root)
		}
		return h.opened, nil
	}
	project, err := workspace.LoadProject(filepath.Join(root, "Pulumi.yaml"))
	if err != nil {
		return nil, err
	}
	url := os.Getenv("PULUMI_BACKEND_URL")
	if url == "" && project.Backend != nil {
		url = project.Backend.URL
	}
	s, err := openStore(h.ctx, url, project.Name.String())
	if err != nil {
		return nil, err
	}
	// Without its one line the backend would be taken for one of an older layout.
	if err := s.forgetEmpty(h.ctx, ".pulumi/meta.yaml"); err != nil {
		return nil, err
	}
	b, err := diy.New(h.ctx, h.sink, url, project)
	if err != nil {
		return nil, err
	}
	h.opened = &opened{backend: b, project: project, store: s, root: root}
	return h.opened, nil
}

// stack finds a stack; the words of its absence are the pulumi command's.
func (o *opened) stack(ctx context.Context, name string) (backend.Stack, error) {
	ref, err := o.backend.ParseStackReference(name)
	if err != nil {
		return nil, err
	}
	s, err := o.backend.GetStack(ctx, ref)
	if err == nil && s == nil {
		err = fmt.Errorf("no stack named '%s' found", name)
	}
	return s, err
}

func (h *host) create(o *opened, name string) error {
	ref, err := o.backend.ParseStackReference(name)
	if err != nil {
		return err
	}
	// The settings first: a stack without its salt could not be opened.
	if _, _, err := o.settings(h.sink, name, nil); err != nil {
		return err
	}
	there, err := o.store.bucket.Exists(h.ctx, o.store.checkpoint(ref))
	if err != nil {
		return err
	}
	_, err = o.backend.CreateStack(h.ctx, ref, o.root, nil, nil)
	if err != nil && !there {
		// A disk that is full leaves half of the first checkpoint, which nobody could read.
		_ = o.store.bucket.Delete(h.ctx, o.store.checkpoint(ref))
	}
	return err
}

func (h *host) remove(o *opened, name string) error {
	s, err := o.stack(h.ctx, name)
	if err != nil {
		return err
	}
	if _, err := o.backend.RemoveStack(h.ctx, s, false, false); err != nil {
		return err
	}
	err = os.Remove(o.settingsPath(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// cancel removes the locks that killed updates left; it leaves those of an update of this very process alone.
func (h *host) cancel(o *opened, name string) error {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.updates[name] != nil {
		return fmt.Errorf("stack %s is being updated by this process", name)
	}
	ref, err := o.backend.ParseStackReference(name)
	if err != nil {
		return err
	}
	return o.backend.CancelCurrentUpdate(h.ctx, ref)
}

func (h *host) list(o *opened) (string, error) {
	type row struct {
		Name    string `json:"name"`
		Current bool   `json:"current"`
	}
	refs, _, err := o.backend.ListStackNames(h.ctx, backend.ListStackNamesFilter{}, nil)
	if err != nil {
		return "", err
	}
	rows := []row{}
	for _, ref := range refs {
		rows = append(rows, row{Name: ref.String()})
	}
	text, err := json.Marshal(rows)
	return string(text), err
}

func (h *host) export(o *opened, name string) (string, error) {
	s, err := o.stack(h.ctx, name)
	if err != nil {
		return "", err
	}
	deployment, err := o.backend.ExportDeployment(h.ctx, s)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(deployment)
	return string(text), err
}

// begin takes a stack for an update of this process; the lock in the backend keeps other processes out.
func (h *host) begin(stack string) (*cancel.Context, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.ended {
		return nil, errors.New("the engine is ending")
	}
	if h.updates[stack] != nil {
		return nil, fmt.Errorf("the stack is currently locked by this process (pid %d)", os.Getpid())
	}
	c, source := cancel.NewContext(h.ctx)
	h.updates[stack] = source
	return c, nil
}

// done lets go of a stack. The engine keeps an update's plugin host, and with it all that the update held, until its
// context is terminated, for which its own command ends: without that a process that stays grows by each update.
func (h *host) done(stack string) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.updates[stack].Terminate()
	delete(h.updates, stack)
}

// stop cancels or terminates the updates under way; no other begins.
func (h *host) stop(how func(*cancel.Source)) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.ended = true
	for _, source := range h.updates {
		how(source)
	}
}
