# What the module itself needs. The parameters of the template are in variables.tf.

variable "name" {
  description = "The name of the stack."
  type        = string
  default     = "clearhop"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,49}$", var.name))
    error_message = "Small letters, digits and hyphens, at most 50 characters, and a letter first."
  }
}

variable "release" {
  description = "The unpacked clearhop_VERSION_lambda.zip of a release: template.yaml and the archives of the functions."
  type        = string
}

variable "upload_bucket" {
  description = "A bucket of yours in the region of the stack, which the functions and the template are uploaded to."
  type        = string
}

variable "upload_prefix" {
  description = "What the names of the uploaded objects begin with. It ends with a slash."
  type        = string
  default     = "clearhop/"
}

variable "deployment_role_arn" {
  description = "A role that CloudFormation uses in the place of yours. null for yours."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the stack. CloudFormation gives them to its resources."
  type        = map(string)
  default     = {}
}
