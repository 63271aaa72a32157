package browsertest

import (
	"testing"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// TestWorker: a page that is a file counts in a worker, and not in its own thread.
func TestWorker(t *testing.T) {
	b := newTab(t, 1280, 900)
	b.open(sources(t)["file"], "")
	all, err := chromedp.Call(b.ctx, target.GetTargets, target.GetTargetsParams{Filter: target.Filter{{Type: "worker"}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(all.TargetInfos) == 0 {
		t.Error("there is no worker")
	}
	b.clean()
}
