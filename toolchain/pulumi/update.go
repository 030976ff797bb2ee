package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/pulumi/esc"

	"github.com/pulumi/pulumi/pkg/v3/backend"
	"github.com/pulumi/pulumi/pkg/v3/backend/display"
	backendsecrets "github.com/pulumi/pulumi/pkg/v3/backend/secrets"
	sdkdisplay "github.com/pulumi/pulumi/pkg/v3/display"
	"github.com/pulumi/pulumi/pkg/v3/engine"
	"github.com/pulumi/pulumi/pkg/v3/resource/deploy"
	"github.com/pulumi/pulumi/pkg/v3/secrets"
	"github.com/pulumi/pulumi/pkg/v3/secrets/passphrase"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/env"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
)

// update runs one operation of the engine on a stack, as the DIY backend's own does, but for how state is written.
func (h *host) update(r request, o *opened, opts options, kind apitype.UpdateKind, dryRun bool) error {
	scope, err := h.begin(opts.stack)
	if err != nil {
		return err
	}
	defer h.done(opts.stack)
	s, err := o.stack(h.ctx, opts.stack)
	if err != nil {
		return err
	}
	if !dryRun {
		if err := o.backend.Lock(h.ctx, s.Ref()); err != nil {
			return err
		}
		defer o.unlock(h.ctx, s.Ref())
	}
	// Read under the lock: another process may have written it until now.
	snapshot, err := s.Snapshot(h.ctx, backendsecrets.DefaultProvider)
	if err != nil {
		return err
	}
	if adopt(snapshot) {
		opts.refresh = true
	}
	settings, manager, err := o.settings(h.sink, opts.stack, snapshot)
	if err != nil {
		return err
	}
	project := *o.project
	if opts.client != "" {
		project.Runtime = workspace.NewProjectRuntimeInfo("client", map[string]any{"address": opts.client})
	}
	if err := workspace.ValidateStackConfigAndApplyProjectConfig(
		h.ctx, opts.stack, &project, esc.Value{}, settings.Config, manager.Encrypter(), manager.Decrypter(),
	); err != nil {
		return err
	}
	info := engine.UpdateInfo{Root: o.root, Project: &project, Target: &deploy.Target{
		Name: s.Ref().Name(), Organization: "organization", Config: settings.Config, Decrypter: manager.Decrypter(),
		Snapshot: snapshot, Tags: s.Tags(),
	}}

	events := make(chan engine.Event)
	drained := make(chan struct{})
	go func() { h.tell(r, events); close(drained) }()
	engineContext := &engine.Context{
		Cancel: scope, Events: events,
		BackendClient: backend.NewBackendClient(o.backend, backendsecrets.DefaultProvider),
	}
	var states *journal
	if !dryRun {
		states, err = newJournal(h.ctx, o.store, s.Ref(), manager, snapshot)
		if err != nil {
			return err
		}
		engineContext.SnapshotManager, err = engine.NewJournalSnapshotManager(states, snapshot, manager)
		if err != nil {
			return errors.Join(err, states.Close())
		}
	}
	start := time.Now().Unix()
	lease := h.providers.lease(opts.stack, o.root)
	changes, failed := h.perform(info, engineContext, engineOptions(opts, lease.factory), kind, dryRun)
	lease.release(failed != nil)
	close(events)
	<-drained
	if dryRun {
		return failed
	}
	// A state that couldn't be written weighs most: the next operation would start from a wrong one.
	if err := states.Close(); err != nil {
		return fmt.Errorf("writing snapshot: %w", err)
	}
	return errors.Join(failed, o.store.record(h.ctx, s.Ref(), backend.UpdateInfo{
		Kind: kind, StartTime: start, EndTime: time.Now().Unix(), Result: outcome(failed), Config: settings.Config,
		Environment: map[string]string{}, ResourceChanges: changes,
	}))
}

func (h *host) perform(
	info engine.UpdateInfo, c *engine.Context, opts engine.UpdateOptions, kind apitype.UpdateKind, dryRun bool,
) (changes sdkdisplay.ResourceChanges, err error) {
	switch kind {
	case apitype.RefreshUpdate:
		_, changes, err = engine.Refresh(info, c, opts, dryRun)
	case apitype.DestroyUpdate:
		_, changes, err = engine.Destroy(info, c, opts, dryRun)
	default:
		_, changes, err = engine.Update(info, c, opts, dryRun)
	}
	return changes, err
}

func engineOptions(o options, factory engine.HostFactory) engine.UpdateOptions {
	return engine.UpdateOptions{
		ParallelDiff: env.ParallelDiff.Value(), Parallel: o.parallel, Refresh: o.refresh, HostFactory: factory,
		Targets: deploy.NewUrnTargets(o.targets), Excludes: deploy.NewUrnTargets(o.excludes),
		TargetDependents: o.targetDep, ContinueOnError: o.continueOnError, ExecKind: "auto.inline",
		// The providers are there, on the PATH or attached; nothing is ever fetched.
		SkipPluginPreInstall: true,
	}
}

func outcome(failed error) backend.UpdateResult {
	if failed != nil {
		return backend.FailedResult
	}
	return backend.SucceededResult
}

// tell passes events on: diagnostics and the summary, and all others where the request asked for them.
func (h *host) tell(r request, events <-chan engine.Event) {
	sequence := 0
	for e := range events {
		wanted := r.Events || e.Type == engine.DiagEvent || e.Type == engine.SummaryEvent
		if !wanted || e.Internal() {
			continue
		}
		converted, err := display.ConvertEngineEvent(e, false)
		if err != nil {
			continue
		}
		if d := converted.DiagnosticEvent; d != nil && !r.Events && (d.Ephemeral || d.Severity == string(diag.Debug)) {
			continue
		}
		converted.Sequence, converted.Timestamp = sequence, int(time.Now().Unix())
		sequence++
		h.out.write(answer{ID: r.ID, Event: &converted})
	}
}

func (o *opened) unlock(ctx context.Context, ref backend.StackReference) {
	o.backend.(interface {
		Unlock(context.Context, backend.StackReference)
	}).Unlock(ctx, ref)
}

func (o *opened) settingsPath(stack string) string {
	return filepath.Join(o.root, fmt.Sprintf("Pulumi.%s.yaml", stack))
}

// settings reads a stack's settings file and opens its secrets. A stack without a salt gets the one in its state, and a
// new stack the one that all stacks made here share, so that the key is derived from the passphrase once a process.
func (o *opened) settings(
	sink diag.Sink, stack string, snapshot *deploy.Snapshot,
) (*workspace.ProjectStack, secrets.Manager, error) {
	path := o.settingsPath(stack)
	settings, err := workspace.LoadProjectStack(sink, o.project, path)
	if err != nil {
		return nil, nil, err
	}
	if settings.EncryptionSalt != "" {
		manager, err := passphrase.NewPromptingPassphraseSecretsManager(settings, false)
		return settings, manager, err
	}
	if snapshot != nil && snapshot.SecretsManager != nil {
		if snapshot.SecretsManager.Type() == passphrase.Type {
			err = passphrase.EditProjectStack(settings, snapshot.SecretsManager.State())
		}
		return settings, snapshot.SecretsManager, errors.Join(err, saveSettings(settings, path))
	}
	manager, err := o.sharedSecrets(settings)
	if err != nil {
		return nil, nil, err
	}
	return settings, manager, saveSettings(settings, path)
}

// saveSettings replaces a settings file in one step: half of one would hide the stack's salt.
func saveSettings(settings *workspace.ProjectStack, path string) error {
	part := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%d.%s", os.Getpid(), filepath.Base(path)))
	err := settings.Save(part)
	if err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		_ = os.Remove(part)
	}
	return err
}

var saltLock sync.Mutex

// sharedSecrets gives a settings file the salt that new stacks share, which it makes where there is none yet. A salt is
// no secret: it stands in every settings file and in every state.
func (o *opened) sharedSecrets(settings *workspace.ProjectStack) (secrets.Manager, error) {
	saltLock.Lock()
	defer saltLock.Unlock()
	path := filepath.Join(o.root, "salt")
	salt, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	settings.EncryptionSalt = string(salt)
	manager, err := passphrase.NewPromptingPassphraseSecretsManager(settings, false)
	if err != nil || len(salt) > 0 {
		return manager, err
	}
	part := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := os.WriteFile(part, []byte(settings.EncryptionSalt), 0o600); err != nil {
		return nil, err
	}
	return manager, os.Rename(part, path)
}
