# A pair of queues per form type, created as the worker would create them, and encrypted.

variable "max_message_size" {
  description = "Largest message in bytes; the same for both queues, so that every message that can be sent can be set aside."
  type        = number
  default     = 1048576
}

locals {
  retention_seconds = 14 * 24 * 3600
  # The services pass 120 s with every receive; this default applies to other consumers.
  visibility_seconds = 120
  all_queues         = merge({ for type, queue in aws_sqs_queue.form : "${type}/form" => queue }, { for type, queue in aws_sqs_queue.invalid : "${type}/invalid" => queue })
}

resource "aws_sqs_queue" "invalid" {
  for_each = local.invalid_queue_names

  name                       = each.value
  message_retention_seconds  = local.retention_seconds
  visibility_timeout_seconds = local.visibility_seconds
  max_message_size           = var.max_message_size
  sqs_managed_sse_enabled    = true

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_sqs_queue" "form" {
  for_each = local.form_queue_names

  name                       = each.value
  message_retention_seconds  = local.retention_seconds
  visibility_timeout_seconds = local.visibility_seconds
  max_message_size           = var.max_message_size
  sqs_managed_sse_enabled    = true

  # SQS itself moves a message that kills worker after worker to the invalid queue.
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.invalid[each.key].arn
    maxReceiveCount     = 20
  })

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_sqs_queue_policy" "tls_only" {
  for_each = local.all_queues

  queue_url = each.value.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "DenyWithoutTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = each.value.arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}
