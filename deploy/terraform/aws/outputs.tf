output "form_queues" {
  description = "Name and URL of each form type's queue."
  value       = { for type, queue in aws_sqs_queue.form : type => { name = queue.name, url = queue.url } }
}

output "invalid_queues" {
  description = "Name and URL of each form type's invalid queue."
  value       = { for type, queue in aws_sqs_queue.invalid : type => { name = queue.name, url = queue.url } }
}

output "policy_arns" {
  description = "The IAM policies of api, worker, operator and scaler."
  value       = { for name, policy in aws_iam_policy.service : name => policy.arn }
}
