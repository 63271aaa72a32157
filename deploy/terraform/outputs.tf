# Written by TestOutputs from template.yaml: do not edit. An output is null where the stack
# does not have it.

output "next_step" {
  description = "The dashboard. The data quality is at its top."
  value       = lookup(aws_cloudformation_stack.clearhop.outputs, "NextStep", null)
}

output "athena" {
  description = "Where to query the events. The work group has saved queries. Begin with data_quality."
  value       = lookup(aws_cloudformation_stack.clearhop.outputs, "Athena", null)
}

output "work_group" {
  description = "The Athena work group. Choose it at the top right of the editor."
  value       = lookup(aws_cloudformation_stack.clearhop.outputs, "WorkGroup", null)
}

output "database" {
  description = "The database of the table events and the view requests."
  value       = lookup(aws_cloudformation_stack.clearhop.outputs, "Database", null)
}

output "event_bucket_name" {
  description = "The bucket of the events, which are below the prefix."
  value       = lookup(aws_cloudformation_stack.clearhop.outputs, "EventBucketName", null)
}

output "dead_letter_bucket_name" {
  description = "The bucket of the dead letters, which are below letters/."
  value       = lookup(aws_cloudformation_stack.clearhop.outputs, "DeadLetterBucketName", null)
}

output "redrive_settings" {
  description = "The shell command to give before that of Redrive. It sets the variables by which the function judges lines (NLB, trusted, format, privacy). Without them the lines of payloads would be judged in another way. It needs jq."
  value       = lookup(aws_cloudformation_stack.clearhop.outputs, "RedriveSettings", null)
}

output "redrive" {
  description = "The command that sends dead letters again. With --dry-run it only counts them. Give the command of RedriveSettings first. See docs/reliability.md."
  value       = lookup(aws_cloudformation_stack.clearhop.outputs, "Redrive", null)
}

output "destination" {
  description = "The value for --to of \"clearhop subscribe\", to subscribe more log groups."
  value       = lookup(aws_cloudformation_stack.clearhop.outputs, "Destination", null)
}

output "destination_role" {
  description = "The value for --role of \"clearhop subscribe\"."
  value       = lookup(aws_cloudformation_stack.clearhop.outputs, "DestinationRole", null)
}

output "analyst_policy_arn" {
  description = "The policy to attach to those who query the events."
  value       = lookup(aws_cloudformation_stack.clearhop.outputs, "AnalystPolicyArn", null)
}

output "update_geoip" {
  description = "The command that fetches the GeoIP databases now."
  value       = lookup(aws_cloudformation_stack.clearhop.outputs, "UpdateGeoIP", null)
}
