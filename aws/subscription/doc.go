// Package subscription puts subscription filters on log groups of CloudWatch
// Logs, and takes them off.
//
// In go the names of log groups and a Filter that each of them is to have, or a
// Removal. What is to be done with a group, its Change, is planned from what the
// group has, without I/O; a dry run leaves the last call out:
//
//	logs, err := subscription.Connect(ctx, filter.To.Region)
//	groups, err := logs.Find(ctx, "/ecs/", true)
//	err = logs.LookUpFilters(ctx, &groups[0])
//	change, err := filter.Plan(groups[0])
//	err = logs.Apply(ctx, change)
//
// The permissions that it needs are logs:DescribeLogGroups,
// logs:DescribeSubscriptionFilters, logs:PutSubscriptionFilter and
// logs:DeleteSubscriptionFilter, and iam:PassRole for the role of a stream.
//
// Logs is safe for concurrent use; plans are plain functions.
package subscription
