# The three things that a person must know of, whatever else watches the services.

variable "alarm_topic_arn" {
  description = "SNS topic that is told of alarms and of their end."
  type        = string
}

variable "alarm_age_seconds" {
  description = "How old the oldest waiting form may become. The workers take forms within seconds."
  type        = number
  default     = 300
}

variable "alarm_depth" {
  description = "How many forms may wait."
  type        = number
  default     = 10000
}

# No worker is there, the database is away, or one form is given back again and again.
resource "aws_cloudwatch_metric_alarm" "age" {
  for_each = aws_sqs_queue.form

  alarm_name          = "${each.value.name}-age"
  alarm_description   = "The oldest form in ${each.value.name} has waited for more than ${var.alarm_age_seconds} s."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = each.value.name }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_age_seconds
  period              = 60
  evaluation_periods  = 3
  # SQS reports nothing of a queue that nobody uses.
  treat_missing_data = "notBreaching"
  alarm_actions      = [var.alarm_topic_arn]
  ok_actions         = [var.alarm_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "depth" {
  for_each = aws_sqs_queue.form

  alarm_name          = "${each.value.name}-depth"
  alarm_description   = "More than ${var.alarm_depth} forms wait in ${each.value.name}: the workers do not keep up."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = each.value.name }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_depth
  period              = 60
  evaluation_periods  = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
}

# At the first one: what lies there was not stored, and is gone after 14 days.
resource "aws_cloudwatch_metric_alarm" "invalid" {
  for_each = aws_sqs_queue.invalid

  alarm_name          = "${each.value.name}-not-empty"
  alarm_description   = "A form could not be stored and lies in ${each.value.name}; its attribute reason says why."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = each.value.name }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  period              = 60
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
}
