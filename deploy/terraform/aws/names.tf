# The queues and their names, by the same rule as in the services.

variable "form_types" {
  description = "Form types to serve, as in FORM_TYPES. You can set the names of a type's queues, as with SQS_…_QUEUE_NAME."
  type = map(object({
    queue         = optional(string)
    invalid_queue = optional(string)
  }))
  default = { form = {} }

  validation {
    condition     = alltrue([for name in keys(var.form_types) : can(regex("^[a-z][a-z0-9_-]*$", name))])
    error_message = "A form type's name consists of lower-case letters, digits, hyphens and underscores, and begins with a letter."
  }
}

variable "queue_name_prefix" {
  description = "Prefix of every queue name, as in SQS_QUEUE_NAME_PREFIX."
  type        = string
  default     = ""
}

locals {
  base_names = { for type in keys(var.form_types) : type => type == "form" ? "directory-form-data" : "directory-${type}" }

  form_queue_names = {
    for type, given in var.form_types :
    type => "${var.queue_name_prefix}${coalesce(given.queue, local.base_names[type])}"
  }
  invalid_queue_names = {
    for type, given in var.form_types :
    type => "${var.queue_name_prefix}${coalesce(given.invalid_queue, "${local.base_names[type]}-invalid")}"
  }
}
