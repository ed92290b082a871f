terraform {
  # Earlier versions do not know `removed`.
  required_version = ">= 1.7"
  required_providers {
    aws = {
      source = "hashicorp/aws"
      # Earlier versions refuse a max_message_size over 256 KiB.
      version = ">= 6.11, < 7"
    }
  }
}
