# Clearhop as a Terraform module. It creates the stack of template.yaml, so that functions,
# permissions, alarms and dashboards are those of every other deployment: there is one
# description of them. docs/terraform.md says how to use it.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

data "aws_s3_bucket" "upload" {
  bucket = var.upload_bucket
}

locals {
  # The functions and the layer of the release, built.
  archives = fileset(var.release, "*.zip")

  # The place in the bucket changes with the code, so that CloudFormation sees a new release.
  content = sha256(join(" ", [for name in sort(local.archives) : filesha256("${var.release}/${name}")]))
  folder  = "${var.upload_prefix}${local.content}"

  # The template names each archive beside itself; CloudFormation wants them in S3.
  template = replace(
    file("${var.release}/template.yaml"),
    "/(?m)^( +(?:CodeUri|ContentUri): )([A-Za-z]+\\.zip)$/",
    "$${1}s3://${var.upload_bucket}/${local.folder}/$${2}",
  )

  # What is not given has the default of the template.
  parameters = { for name, value in local.given : name => value if value != null }
}

resource "aws_s3_object" "archive" {
  for_each = local.archives

  bucket = data.aws_s3_bucket.upload.id
  key    = "${local.folder}/${each.value}"
  source = "${var.release}/${each.value}"
}

# A template of this size cannot be given in the call itself.
resource "aws_s3_object" "template" {
  bucket  = data.aws_s3_bucket.upload.id
  key     = "${local.folder}/${sha256(local.template)}.yaml"
  content = local.template
}

resource "aws_cloudformation_stack" "clearhop" {
  name         = var.name
  template_url = "https://${data.aws_s3_bucket.upload.bucket_regional_domain_name}/${aws_s3_object.template.key}"
  parameters   = local.parameters
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
  iam_role_arn = var.deployment_role_arn
  tags         = var.tags

  depends_on = [aws_s3_object.archive]
}
