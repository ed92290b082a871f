# Four alarms for each form type that a person must see, independent of any other monitoring.

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

locals {
  # By the ends of their names. `minutes` is how long the threshold must be passed.
  alarms = {
    # Causes: no worker runs, the database is unavailable, or one form is released again and again.
    age = {
      queues      = local.form_queue_names
      description = "The oldest form in %s has waited for more than ${var.alarm_age_seconds} s."
      metric      = "ApproximateAgeOfOldestMessage"
      statistic   = "Maximum"
      comparison  = "GreaterThanThreshold"
      threshold   = var.alarm_age_seconds
      minutes     = 3
    }
    depth = {
      queues      = local.form_queue_names
      description = "More than ${var.alarm_depth} forms wait in %s: the workers do not keep up."
      metric      = "ApproximateNumberOfMessagesVisible"
      statistic   = "Maximum"
      comparison  = "GreaterThanThreshold"
      threshold   = var.alarm_depth
      minutes     = 5
    }
    # Fires at the first message: it was not stored. A worker receives it, and keeps it in the database. The metric
    # counts receives, because SQS does not count the messages that it moves itself as sent.
    new-message = {
      queues      = local.invalid_queue_names
      description = "A form could not be stored and came to %s; `worker invalid list` says why."
      metric      = "NumberOfMessagesReceived"
      statistic   = "Sum"
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      minutes     = 1
    }
    # Workers empty the queue within seconds. What stays, SQS deletes after 14 days.
    not-kept = {
      queues      = local.invalid_queue_names
      description = "A message has stayed on %s for 15 minutes: no worker takes it into the database."
      metric      = "ApproximateNumberOfMessagesVisible"
      statistic   = "Minimum"
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      minutes     = 15
    }
  }

  alarms_by_queue = merge([
    for end, alarm in local.alarms : {
      for queue in values(alarm.queues) : "${queue}-${end}" => merge(alarm, { queue = queue })
    }
  ]...)
}

resource "aws_cloudwatch_metric_alarm" "queue" {
  for_each = local.alarms_by_queue

  alarm_name          = each.key
  alarm_description   = format(each.value.description, each.value.queue)
  namespace           = "AWS/SQS"
  metric_name         = each.value.metric
  dimensions          = { QueueName = each.value.queue }
  statistic           = each.value.statistic
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = each.value.minutes
  # SQS reports nothing for an unused queue.
  treat_missing_data = "notBreaching"
  alarm_actions      = [var.alarm_topic_arn]
  ok_actions         = [var.alarm_topic_arn]
}

# Version 1.0.0 had a resource for each kind. These alarms keep their names, and creating one again changes it; Terraform
# must not delete it at the same time.
removed {
  from = aws_cloudwatch_metric_alarm.age
  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_cloudwatch_metric_alarm.depth
  lifecycle {
    destroy = false
  }
}
