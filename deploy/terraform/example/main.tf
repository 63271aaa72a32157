# Clearhop behind a log group and an NLB that exist.

terraform {
  required_version = ">= 1.5"
}

variable "release" {
  description = "The unpacked clearhop_VERSION_lambda.zip."
  type        = string
}

variable "upload_bucket" {
  description = "A bucket in the region of the log group."
  type        = string
}

module "clearhop" {
  source = "../"

  release       = var.release
  upload_bucket = var.upload_bucket

  log_group_name = "/ecs/web"
  discover_nlb   = "discover:shop-edge"
  trusted        = ["10.16.1.16/28"]
  log_format     = "clearhop"
  alarm_email    = "ops@example.com"
}

output "dashboard" {
  description = "The dashboard. The data quality is at its top."
  value       = module.clearhop.next_step
}
