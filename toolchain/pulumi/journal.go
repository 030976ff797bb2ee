package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/pulumi/pulumi/pkg/v3/backend"
	"github.com/pulumi/pulumi/pkg/v3/engine"
	"github.com/pulumi/pulumi/pkg/v3/resource/deploy"
	"github.com/pulumi/pulumi/pkg/v3/resource/stack"
	"github.com/pulumi/pulumi/pkg/v3/resource/stack/snapshot"
	"github.com/pulumi/pulumi/pkg/v3/secrets"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
)

// How long a checkpoint waits for the steps that run beside the one that asks for it: three times what the last one
// took to write, within bounds, so that at most a quarter of the time goes into writing them.
const (
	gatherTimes = 3
	gatherLeast = 2 * time.Millisecond
	gatherMost  = 25 * time.Millisecond
)

// journal keeps a stack's checkpoint while the engine changes its resources.
//
// The engine tells of each step before it begins and after it ended, and goes on with that step once the telling has
// returned. The DIY backend writes the whole checkpoint for each of these, one after the other. Here those that wait
// while a checkpoint is being written are written together by the next one, and return when it is on the disk: what the
// engine may rely on is the same, and so is the file. Nothing is deferred, and no second file has to be replayed.
type journal struct {
	ctx     context.Context
	store   *store
	ref     backend.StackReference
	manager secrets.Manager

	replayer *backend.JournalReplayer
	entries  chan pending
	closing  chan struct{}
	closed   chan error
	written  bool
	failed   bool          // whether the last checkpoint couldn't be written
	took     time.Duration // what the last checkpoint took to write
}

type pending struct {
	entry apitype.JournalEntry
	elide bool
	done  chan error
}

var _ engine.Journal = (*journal)(nil)

func newJournal(
	ctx context.Context, s *store, ref backend.StackReference, manager secrets.Manager, base *deploy.Snapshot,
) (*journal, error) {
	deployment := &apitype.DeploymentV3{}
	if base != nil {
		from := *base
		if from.SecretsManager == nil {
			from.SecretsManager = manager
		}
		var err error
		deployment, _, _, err = stack.SerializeDeploymentWithMetadata(ctx, &from, false)
		if err != nil {
			return nil, err
		}
	}
	found, err := s.bucket.Exists(ctx, s.checkpoint(ref))
	if err != nil || !found {
		return nil, errors.Join(err, fmt.Errorf("the state %s isn't there, or is compressed", s.checkpoint(ref)))
	}
	j := &journal{
		ctx: ctx, store: s, ref: ref, manager: manager, replayer: backend.NewJournalReplayer(deployment),
		entries: make(chan pending, 256), closing: make(chan struct{}), closed: make(chan error, 1),
	}
	go j.work()
	return j, nil
}

// AddJournalEntry returns once the entry is part of the checkpoint on the disk.
func (j *journal) AddJournalEntry(entry engine.JournalEntry) error {
	serialized, err := stack.BatchEncrypt(j.ctx, j.manager,
		func(ctx context.Context, enc config.Encrypter) (apitype.JournalEntry, error) {
			return backend.SerializeJournalEntry(ctx, entry, enc)
		})
	if err != nil {
		return fmt.Errorf("failed to serialize journal entry: %w", err)
	}
	p := pending{entry: serialized, elide: entry.ElideWrite, done: make(chan error, 1)}
	j.entries <- p
	return <-p.done
}

// Close writes what is still unwritten.
func (j *journal) Close() error {
	close(j.closing)
	return <-j.closed
}

func (j *journal) work() {
	// The first checkpoint is written even where nothing changes, as the pulumi command does.
	unwritten := true
	for {
		select {
		case first := <-j.entries:
			batch := j.waiting(first)
			write := false
			var failed error
			for _, p := range batch {
				failed = errors.Join(failed, j.replayer.Add(p.entry))
				write = write || !p.elide
			}
			unwritten = true
			if write && failed == nil {
				failed = j.save()
				unwritten = failed != nil
			}
			for _, p := range batch {
				p.done <- failed
			}
		case <-j.closing:
			var err error
			if unwritten {
				err = j.save()
			}
			j.closed <- err
			return
		}
	}
}

// waiting gives an entry with all those that come within the time that is well spent waiting for them: steps run side
// by side, and one checkpoint for all costs as much as one for each.
func (j *journal) waiting(first pending) []pending {
	batch := []pending{first}
	enough := time.After(min(max(gatherTimes*j.took, gatherLeast), gatherMost))
	for {
		select {
		case next := <-j.entries:
			batch = append(batch, next)
		case <-enough:
			return batch
		}
	}
}

// save writes the checkpoint in one piece. State that isn't sound is written too, and then reported, as Pulumi does: it
// may be all there is to tell what was made.
func (j *journal) save() error {
	defer func(start time.Time) { j.took = time.Since(start) }(time.Now())
	deployment, err := j.replayer.GenerateDeployment()
	if err != nil {
		return err
	}
	unsound := snapshot.VerifyIntegrity(deployment.Deployment)
	deployment.Deployment.Metadata.IntegrityErrorMetadata = nil
	text, err := encode(j.ref, deployment)
	if err != nil {
		return err
	}
	key := j.store.checkpoint(j.ref)
	if !j.written {
		// What the state was before this update, for whoever has to go back by hand.
		if err := j.store.duplicate(j.ctx, key+".bak", key); err != nil {
			return err
		}
		j.written = true
	}
	err = j.store.put(j.ctx, key, text)
	// What fails for seconds won't heal within the update: the steps that were under way get one attempt each.
	for attempt := 0; err != nil && !j.failed && attempt < 5; attempt++ {
		time.Sleep(200 * time.Millisecond << attempt)
		err = j.store.put(j.ctx, key, text)
	}
	j.failed = err != nil
	return errors.Join(err, unsound)
}

// encode gives the bytes that the pulumi command would write, in one pass over the resources instead of three.
func encode(ref backend.StackReference, d apitype.TypedDeployment) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(struct {
		Version    int                  `json:"version"`
		Features   []string             `json:"features,omitempty"`
		Checkpoint apitype.CheckpointV3 `json:"checkpoint"`
	}{d.Version, d.Features, apitype.CheckpointV3{Stack: ref.FullyQualifiedName(), Latest: d.Deployment}})
	return bytes.TrimSpace(out.Bytes()), err
}
