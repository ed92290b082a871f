# The rights of each service, exactly as in the table of docs/reference/rights.md. Attach each policy to the role that
# its service runs under.

variable "policy_name_prefix" {
  description = "Prefix of the IAM policies' names, which share one namespace per account."
  type        = string
  default     = "directory-form-data-"
}

locals {
  policies = {
    for name in ["api", "worker", "operator", "scaler"] :
    name => templatefile("${path.module}/policies/${name}.json", {
      form_queues    = jsonencode([for queue in aws_sqs_queue.form : queue.arn])
      invalid_queues = jsonencode([for queue in aws_sqs_queue.invalid : queue.arn])
    })
  }
}

resource "aws_iam_policy" "service" {
  for_each = local.policies

  name   = "${var.policy_name_prefix}${each.key}"
  policy = each.value
}
