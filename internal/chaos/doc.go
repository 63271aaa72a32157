// Package chaos simulates the services of AWS with faults around our own functions and
// commands, and checks that no line is lost, none is invented, and each counts once.
//
// In goes a seed; out come the counts of a run, or the seed of the schedule that broke the
// promise. All of it is in the tests:
//
//	make chaos                    # at least a million lines
//	make chaos CHAOS_SEED=1234    # one schedule again
//
// A schedule is one world: the stand-ins of internal/firehosetest, kinesistest, sqstest,
// s3test and logstest, which the SDK's real clients talk to without a network, and a clock of its own
// (testing/synctest), so that pauses take no time. Lines take one road (a subscription, a
// Kinesis stream, a Firehose transformation, objects, a log group, a followed file) to one
// sink, and past rules that drop, sample and route them. Some payloads cannot be read. The
// world is Lambda and Firehose too: it invokes the real handlers, retries, splits batches,
// ends the process at any call, and keeps what is given up. Then package redrive sends all
// of that again. Where Lambda's own destination refuses what was given up, the schedule
// counts a loss as AWS does, by DestinationDeliveryFailures; no other loss is allowed.
//
// The same seed gives the same schedule.
package chaos
