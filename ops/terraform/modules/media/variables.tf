variable "name" {
  description = "The prefix of the bucket's name; the account's id makes it unique."
  type        = string
}

variable "host" {
  description = "The distribution's host name."
  type        = string
}

variable "zone_id" {
  description = "The public zone."
  type        = string
}

variable "web_origins" {
  description = "Origins of browsers that upload."
  type        = list(string)
}

variable "public_key" {
  description = "PEM of the key that signs links, or null."
  type        = string
}
