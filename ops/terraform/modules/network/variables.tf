variable "name" {
  description = "The prefix of all names."
  type        = string
}

variable "cidr" {
  description = "The network's addresses."
  type        = string
}

variable "zones" {
  description = "Two availability zones."
  type        = list(string)
}

variable "ports" {
  description = "Where each surface listens."
  type        = map(number)
}
