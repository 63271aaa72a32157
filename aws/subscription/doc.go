// Package subscription puts subscription filters on log groups of CloudWatch Logs,
// and removes them.
//
// In go the names of log groups, and a Filter that each group should have or a
// Removal. Out comes a Change for each group, which Apply makes. Plan makes the
// Change without I/O, from the filters that the group has. A dry run leaves out
// the last call:
//
//	logs, err := subscription.Connect(ctx, filter.To.Region)
//	groups, err := logs.Find(ctx, "/ecs/", true)
//	err = logs.LookUpFilters(ctx, &groups[0])
//	change, err := filter.Plan(groups[0])
//	err = logs.Apply(ctx, change)
//
// It needs the permissions logs:DescribeLogGroups,
// logs:DescribeSubscriptionFilters, logs:PutSubscriptionFilter and
// logs:DeleteSubscriptionFilter, and iam:PassRole for the role of a stream.
//
// Logs is safe for concurrent use. Plans are pure functions.
package subscription
