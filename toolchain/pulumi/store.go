package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"gocloud.dev/blob"

	"github.com/pulumi/pulumi/pkg/v3/backend"
	"github.com/pulumi/pulumi/sdk/v3/go/common/env"
)

// store writes the DIY backend's files: the checkpoint of a stack, its history and its backups.
type store struct {
	bucket  *blob.Bucket
	project string
}

// openStore opens the bucket that diy.New opens, by the same rules.
func openStore(ctx context.Context, address, project string) (*store, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	prefix := ""
	if u.Scheme == "file" {
		absolute, err := filepath.Abs(strings.TrimPrefix(strings.Split(address, "?")[0], "file://"))
		if err != nil {
			return nil, err
		}
		address = "file://" + filepath.ToSlash(absolute) + "?no_tmp_dir=true&metadata=skip"
	} else if p := strings.Trim(u.Path, "/"); p != "" {
		prefix = p + "/"
	}
	bucket, err := blob.OpenBucket(ctx, address)
	if err != nil {
		return nil, err
	}
	if prefix != "" {
		bucket = blob.PrefixedBucket(bucket, prefix)
	}
	return &store{bucket: bucket, project: project}, nil
}

// put writes a file whole, or leaves what was there. The bucket's own WriteAll commits what it got written before the
// disk was full.
func (s *store) put(ctx context.Context, key string, text []byte) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := s.bucket.NewWriter(ctx, key, nil)
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		cancel()
		_ = w.Close()
		return err
	}
	return w.Close()
}

// duplicate copies a file whole, or not at all.
func (s *store) duplicate(ctx context.Context, to, from string) error {
	text, err := s.bucket.ReadAll(ctx, from)
	if err != nil {
		return err
	}
	return s.put(ctx, to, text)
}

// forgetEmpty removes a file that was made on a full disk and never got its content.
func (s *store) forgetEmpty(ctx context.Context, key string) error {
	attributes, err := s.bucket.Attributes(ctx, key)
	if err != nil || attributes.Size > 0 {
		return nil
	}
	return s.bucket.Delete(ctx, key)
}

func (s *store) checkpoint(ref backend.StackReference) string {
	return fmt.Sprintf(".pulumi/stacks/%s/%s.json", s.project, ref.Name())
}

// record adds an update to the stack's history, and keeps a backup of the state that it left.
func (s *store) record(ctx context.Context, ref backend.StackReference, info backend.UpdateInfo) error {
	text, err := json.Marshal(info)
	if err != nil {
		return err
	}
	now, from := time.Now().UnixNano(), s.checkpoint(ref)
	prefix := fmt.Sprintf(".pulumi/history/%s/%s/%s-%d", s.project, ref.Name(), ref.Name(), now)
	err = errors.Join(
		s.put(ctx, prefix+".history.json", text),
		s.duplicate(ctx, prefix+".checkpoint.json", from),
	)
	if !env.DIYBackendDisableCheckpointBackups.Value() {
		backup := fmt.Sprintf(".pulumi/backups/%s/%s/%s.%d.json", s.project, ref.Name(), ref.Name(), now)
		err = errors.Join(err, s.duplicate(ctx, backup, from))
	}
	return err
}
