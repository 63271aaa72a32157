// Package backfill takes lines of the past through the pipeline to the outlets of a
// delivery, and can go on where it was ended.
//
// In go a Walk, which gives the lines step by step, a pipeline and outlets. Out come
// events at the outlets and, after each step, how far the backfill has come:
//
//	walk := backfill.Groups(logs, groups, "", since, until)
//	progress, err := backfill.Run(ctx, backfill.Config{
//		Walk: walk, Pipeline: p, Outlets: outlets.All(),
//		From: state.Progress, Keep: state.Keep,
//	})
//
// A step is a window of time of a log group, or an object in S3. It is done when each of
// its lines has an outcome, and each event was taken by its outlet or kept as a dead
// letter. Then Config.Keep is called, and the next step begins. So whoever begins again
// from what was kept repeats one step at most. The events of the repeated step have the
// same ids.
//
// # What is promised
//
//   - A step that is kept was delivered whole.
//   - An event that its outlet did not take is put again, with growing pauses, for some
//     ten minutes. After that, or if the outlet refuses the call itself, Run ends with an
//     error, and the step is not kept.
//   - Memory does not grow with the number of lines: a page of lines, and some 16 MB of
//     events for each outlet.
//
// A Run is for one goroutine. A State may be used by one Run at a time.
package backfill
