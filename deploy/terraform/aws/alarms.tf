# Four alarms that a person must see, independent of any other monitoring.

variable "alarm_topic_arn" {
  description = "SNS topic that receives alarms and their end."
  type        = string
}

variable "alarm_age_seconds" {
  description = "Seconds the oldest waiting form may wait. Workers normally receive forms within seconds."
  type        = number
  default     = 300
}

variable "alarm_depth" {
  description = "Number of forms that may wait."
  type        = number
  default     = 10000
}

# Causes: no worker runs, the database is unavailable, or one form is released again and again.
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
  # SQS reports nothing for an unused queue.
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

# Fires at the first message: it was not stored. A worker receives it, and keeps it in the database. The metric counts
# receives, because SQS does not count the messages that it moves itself as sent.
resource "aws_cloudwatch_metric_alarm" "invalid" {
  for_each = aws_sqs_queue.invalid

  alarm_name          = "${each.value.name}-new-message"
  alarm_description   = "A form could not be stored and came to ${each.value.name}; `worker invalid list` says why."
  namespace           = "AWS/SQS"
  metric_name         = "NumberOfMessagesReceived"
  dimensions          = { QueueName = each.value.name }
  statistic           = "Sum"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  period              = 60
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
}

# Workers empty the queue within seconds. What stays, SQS deletes after 14 days.
resource "aws_cloudwatch_metric_alarm" "invalid_not_kept" {
  for_each = aws_sqs_queue.invalid

  alarm_name          = "${each.value.name}-not-kept"
  alarm_description   = "A message has stayed on ${each.value.name} for 15 minutes: no worker takes it into the database."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = each.value.name }
  statistic           = "Minimum"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  period              = 60
  evaluation_periods  = 15
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
}
