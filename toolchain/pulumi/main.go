// Command pulumi-engine is Pulumi's engine as a process that stays: it carries out the Automation API's command lines
// one after the other and side by side, over the same state files as the pulumi command (docs/adr/0014).
//
// It reads requests and writes answers as JSON, one a line, on standard input and output, and listens on no port for
// them. It ends when its input does, which is when the process that started it ends: updates under way are cancelled,
// what was made is written to state, locks are removed.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/pkg/v3/util/cancel"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/cmdutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/version"
)

// How long updates under way may take to end once the input has ended.
const (
	grace = 8 * time.Second  // for calls under way to come back
	last  = 15 * time.Second // for all of it
)

// request is one command line, as the pulumi command would get it.
type request struct {
	ID   int      `json:"id"`
	Args []string `json:"args"`
	Cwd  string   `json:"cwd"`
	// Events asks for every event of the engine; without it only diagnostics and the summary are sent.
	Events bool `json:"events"`
}

// answer is an event of a request that is under way, or its end, which has a code.
type answer struct {
	ID     int                  `json:"id"`
	Event  *apitype.EngineEvent `json:"event,omitempty"`
	Code   *int                 `json:"code,omitempty"`
	Stdout string               `json:"stdout,omitempty"`
	Stderr string               `json:"stderr,omitempty"`
}

type writer struct {
	mutex   sync.Mutex
	encoder *json.Encoder
}

func (w *writer) write(a answer) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	// Nobody reads once the other end is gone; the input ends then, too, and that is acted on.
	_ = w.encoder.Encode(a)
}

func main() {
	if len(os.Args) > 1 {
		// It has one flag, --version, and is no tool for people.
		fmt.Println("pulumi-engine", version.Version)
		return
	}
	cmdutil.DisableInteractive = true
	if os.Getenv("GOGC") == "" {
		// Much is made and dropped, little kept: a larger heap costs some 50 MB and saves a tenth of the work.
		debug.SetGCPercent(400)
	}
	// Whatever a library prints must not get between the answers.
	out := os.Stdout
	os.Stdout = os.Stderr

	ctx, closeAll := context.WithCancel(context.Background())
	h := newHost(ctx, &writer{encoder: json.NewEncoder(out)})
	// Else the first event that nobody reads any more would end this process before its state is written.
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		_ = os.Stdin.Close()
		h.end(closeAll)
		os.Exit(1)
	}()

	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			fmt.Fprintln(os.Stderr, "pulumi-engine: a request can't be read:", err)
			break
		}
		h.running.Add(1)
		go h.serve(r)
	}
	h.end(closeAll)
}

// serve carries out one request and answers it.
func (h *host) serve(r request) {
	defer h.running.Done()
	stdout, err := h.run(r)
	code, stderr := 0, ""
	if err != nil {
		// What the pulumi command says and returns; the Automation API tells causes by this text.
		code, stderr = 255, "error: "+err.Error()
	}
	h.out.write(answer{ID: r.ID, Code: &code, Stdout: stdout, Stderr: stderr})
}

// end cancels the updates under way, waits until their state is written, and stops the providers.
func (h *host) end(closeAll context.CancelFunc) {
	h.ending.Do(func() {
		h.stop((*cancel.Source).Cancel)
		hard := time.AfterFunc(grace, func() { h.stop((*cancel.Source).Terminate) })
		defer hard.Stop()
		done := make(chan struct{})
		go func() { h.running.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(last):
		}
		h.providers.close()
		closeAll()
	})
}
