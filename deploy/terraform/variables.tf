# Written by TestVariables from template.yaml: do not edit. A variable that is null has the
# default of the template.

locals {
  given = {
    LogGroupName            = var.log_group_name
    LogGroupName2           = var.log_group_name2
    LogGroupName3           = var.log_group_name3
    LogGroupName4           = var.log_group_name4
    LogGroupName5           = var.log_group_name5
    AllLogGroups            = var.all_log_groups == null ? null : tostring(var.all_log_groups)
    FilterPattern           = var.filter_pattern
    LogFormat               = var.log_format
    FormatFor               = var.format_for
    JSONKeys                = var.json_keys == null ? null : join(",", var.json_keys)
    ErrorZone               = var.error_zone
    NLB                     = var.nlb == null ? null : join(",", var.nlb)
    DiscoverNLB             = var.discover_nlb
    NLBRefresh              = var.nlb_refresh
    Trusted                 = var.trusted == null ? null : join(",", var.trusted)
    TrustedObject           = var.trusted_object
    Internal                = var.internal == null ? null : join(",", var.internal)
    Strict                  = var.strict == null ? null : tostring(var.strict)
    HealthPaths             = var.health_paths == null ? null : join(",", var.health_paths)
    ClientFields            = var.client_fields == null ? null : join(",", var.client_fields)
    Road                    = var.road
    KinesisShards           = var.kinesis_shards == null ? null : tostring(var.kinesis_shards)
    KinesisParallel         = var.kinesis_parallel == null ? null : tostring(var.kinesis_parallel)
    GeoIPSource             = var.geoip_source
    GeoIPURLs               = var.geoip_urls
    GeoIPSecret             = var.geoip_secret
    GeoIPEditions           = var.geoip_editions
    GeoIPSchedule           = var.geoip_schedule
    GeoIPRefresh            = var.geoip_refresh
    GeoIPMaxAge             = var.geoip_max_age
    CityDB                  = var.city_db
    ASNDB                   = var.asn_db
    EventFormat             = var.event_format
    EventPrefix             = var.event_prefix
    Database                = var.database
    Labels                  = var.labels == null ? null : join(",", var.labels)
    Original                = var.original == null ? null : tostring(var.original)
    EventRetentionDays      = var.event_retention_days == null ? null : tostring(var.event_retention_days)
    DeadLetterRetentionDays = var.dead_letter_retention_days == null ? null : tostring(var.dead_letter_retention_days)
    KMSKeyArn               = var.kms_key_arn
    AnalystPolicy           = var.analyst_policy == null ? null : tostring(var.analyst_policy)
    Privacy                 = var.privacy
    PrivacyKeySecretArn     = var.privacy_key_secret_arn
    SecretsKMSKeyArn        = var.secrets_kms_key_arn
    RedactQuery             = var.redact_query == null ? null : join(",", var.redact_query)
    Rules                   = var.rules
    Routes                  = var.routes == null ? null : join(",", var.routes)
    RouteArns               = var.route_arns == null ? null : join(",", var.route_arns)
    AlarmEmail              = var.alarm_email
    AlarmTopicArn           = var.alarm_topic_arn
    DiagnosisMinutes        = var.diagnosis_minutes == null ? null : tostring(var.diagnosis_minutes)
    DiagnosisLogGroups      = var.diagnosis_log_groups == null ? null : join(",", var.diagnosis_log_groups)
    FaultPercent            = var.fault_percent == null ? null : tostring(var.fault_percent)
    UnparsedPercent         = var.unparsed_percent == null ? null : tostring(var.unparsed_percent)
    GeoMaxAgeDays           = var.geo_max_age_days == null ? null : tostring(var.geo_max_age_days)
    Tracing                 = var.tracing
    MemorySize              = var.memory_size == null ? null : tostring(var.memory_size)
    ReservedConcurrency     = var.reserved_concurrency == null ? null : tostring(var.reserved_concurrency)
    LogRetentionDays        = var.log_retention_days == null ? null : tostring(var.log_retention_days)
    LogKMSKeyArn            = var.log_kms_key_arn
    PermissionsBoundary     = var.permissions_boundary
    RolePath                = var.role_path
    SubnetIds               = var.subnet_ids == null ? null : join(",", var.subnet_ids)
    SecurityGroupIds        = var.security_group_ids == null ? null : join(",", var.security_group_ids)
    ExtraLayerArn           = var.extra_layer_arn
  }
}

variable "log_group_name" {
  description = "A CloudWatch log group that nginx writes to. It must exist. Subscribe more later with \"clearhop subscribe\"."
  type        = string
  default     = null
}

variable "log_group_name2" {
  description = "One more log group. Empty for none."
  type        = string
  default     = null
}

variable "log_group_name3" {
  description = "One more log group. Empty for none."
  type        = string
  default     = null
}

variable "log_group_name4" {
  description = "One more log group. Empty for none."
  type        = string
  default     = null
}

variable "log_group_name5" {
  description = "One more log group. Empty for none."
  type        = string
  default     = null
}

variable "all_log_groups" {
  description = "Subscribe every log group of the account in this region instead, except this stack's own. An account has only one such policy. It works with the paths subscription and kinesis only, and without FilterPattern. The default is false."
  type        = bool
  default     = null
}

variable "filter_pattern" {
  description = "Send only log events that match this pattern. Empty for all. See \"Filter pattern syntax\" of CloudWatch Logs."
  type        = string
  default     = null
}

variable "log_format" {
  description = "The format of the lines: auto, combined, main, main_real_ip, clearhop, a log_format directive or a bare format string. The default is auto."
  type        = string
  default     = null
}

variable "format_for" {
  description = "The formats of single log groups, as PATTERN=FORMAT, one on each line. In a pattern, * matches anything but a slash. The other groups have LogFormat."
  type        = string
  default     = null
}

variable "json_keys" {
  description = "The nginx variable that a key of a JSON access log carries, as KEY=VARIABLE, in addition to the usual keys. KEY=- for none."
  type        = list(string)
  default     = null
}

variable "error_zone" {
  description = "The time zone of error lines, which do not state theirs, such as Asia/Tokyo. The default is UTC."
  type        = string
  default     = null
}

variable "nlb" {
  description = "Addresses of the NLB's nodes, or their subnets. If this, DiscoverNLB and Trusted are all empty, every private address counts as an NLB's."
  type        = list(string)
  default     = null
}

variable "discover_nlb" {
  description = "discover:NAME looks up the addresses of an NLB's nodes in EC2. discover looks up those of all NLBs of the region. Empty for none. This also gives the function the permission to do so."
  type        = string
  default     = null
}

variable "nlb_refresh" {
  description = "The longest time until the nodes of DiscoverNLB are looked up again. 0 for never. The default is 5m."
  type        = string
  default     = null
}

variable "trusted" {
  description = "The other proxies: the edge's tasks, a CDN's networks. The settings of a function have room for some 150 networks: see TrustedObject."
  type        = list(string)
  default     = null
}

variable "trusted_object" {
  description = "An object in S3 with more proxies to trust, one network on a line, such as those of a CDN. The function reads it when it starts. Empty for none."
  type        = string
  default     = null
}

variable "internal" {
  description = "Clients with addresses inside a network of NLB or Trusted."
  type        = list(string)
  default     = null
}

variable "strict" {
  description = "Leave client.ip out of an event if no trusted hop vouches for it. The default is false."
  type        = bool
  default     = null
}

variable "health_paths" {
  description = "Request paths of health checks, compared as a whole."
  type        = list(string)
  default     = null
}

variable "client_fields" {
  description = "The variables that may name the client, in their order, such as http_cf_connecting_ip. Empty for proxy_protocol_addr, http_x_forwarded_for and http_x_real_ip."
  type        = list(string)
  default     = null
}

variable "road" {
  description = "Where CloudWatch Logs sends log events: subscription (to the function itself), kinesis (to a data stream, which keeps them for two days), or firehose (to the Firehose stream, which calls the function to enrich its records). The default is subscription."
  type        = string
  default     = null

  validation {
    condition     = var.road == null ? true : contains(["subscription", "kinesis", "firehose"], var.road)
    error_message = "One of: subscription, kinesis, firehose."
  }
}

variable "kinesis_shards" {
  description = "Number of shards of the data stream, for Road=kinesis. 0 means on demand, and AWS adds shards as they are needed. Each shard takes 1 MB a second. One change may at most double or halve the number. The default is 0."
  type        = number
  default     = null
}

variable "kinesis_parallel" {
  description = "How many invocations read one shard at the same time, for Road=kinesis. More help before more shards do. The default is 2."
  type        = number
  default     = null
}

variable "geoip_source" {
  description = "The source of the GeoIP databases: url (DB-IP's monthly files, which need no account, or others), maxmind (with your account), layer (built from free data of June 2026, for functions that cannot reach the internet), or none. The default is url."
  type        = string
  default     = null

  validation {
    condition     = var.geoip_source == null ? true : contains(["url", "maxmind", "layer", "none"], var.geoip_source)
    error_message = "One of: url, maxmind, layer, none."
  }
}

variable "geoip_urls" {
  description = "For url: the URLs of the databases. {month} stands for the current month, such as 2026-11. DB-IP requires attribution where results are shown. The default is city=https://download.db-ip.com/free/dbip-city-lite-{month}.mmdb.gz,asn=https://download.db-ip.com/free/dbip-asn-lite-{month}.mmdb.gz."
  type        = string
  default     = null
}

variable "geoip_secret" {
  description = "For maxmind: the name of the secret in Secrets Manager that holds your account, as {\"account_id\": \"...\", \"license_key\": \"...\"}. The default is clearhop/maxmind."
  type        = string
  default     = null
}

variable "geoip_editions" {
  description = "For maxmind: the editions. The default is city=GeoLite2-City,asn=GeoLite2-ASN."
  type        = string
  default     = null
}

variable "geoip_schedule" {
  description = "For maxmind and url: when to look for new databases. The default is rate(12 hours)."
  type        = string
  default     = null
}

variable "geoip_refresh" {
  description = "The longest time until running functions look for a new GeoIP database. 0 for never. The default is 15m."
  type        = string
  default     = null
}

variable "geoip_max_age" {
  description = "The age from which places are marked db_stale. 0 for no limit. The default is 2160h."
  type        = string
  default     = null
}

variable "city_db" {
  description = "For layer: the path of its GeoIP database of places. Empty for none. The default is /opt/geoip/country.mmdb."
  type        = string
  default     = null
}

variable "asn_db" {
  description = "For layer: the path of its GeoIP database of networks. Empty for none. The default is /opt/geoip/asn.mmdb."
  type        = string
  default     = null
}

variable "event_format" {
  description = "The form of the events in S3. Athena reads all. Queries of Parquet cost a fraction of those of ndjson, but Firehose bills the conversion. iceberg writes rows of an Iceberg table, for compaction and changes of rows; each row is billed as 5 KB. See docs/aws.md. The default is parquet."
  type        = string
  default     = null

  validation {
    condition     = var.event_format == null ? true : contains(["parquet", "ndjson", "iceberg"], var.event_format)
    error_message = "One of: parquet, ndjson, iceberg."
  }
}

variable "event_prefix" {
  description = "Prefix of the events' objects in the bucket. It must end with a slash. The format follows it, such as events/parquet/. The table finds no events below another prefix. The default is events/."
  type        = string
  default     = null
}

variable "database" {
  description = "The Glue database. Empty for the stack's name with underscores, which then must have no capital."
  type        = string
  default     = null
}

variable "labels" {
  description = "Labels that every event carries, as KEY=VALUE."
  type        = list(string)
  default     = null
}

variable "original" {
  description = "Keep each line as it was read, in event.original. This about doubles the events. The default is false."
  type        = bool
  default     = null
}

variable "event_retention_days" {
  description = "How many days events are kept. They hold addresses of people. The default is 365."
  type        = number
  default     = null
}

variable "dead_letter_retention_days" {
  description = "How many days dead letters are kept. The default is 30."
  type        = number
  default     = null
}

variable "kms_key_arn" {
  description = "Your own key for the buckets, the queue and the streams. Its policy must let this stack's roles use it (kms:GenerateDataKey, kms:Decrypt), you create a grant for Firehose when you deploy (kms:CreateGrant), and those who query decrypt (kms:Decrypt, and kms:GenerateDataKey for results). Empty for AWS's own encryption."
  type        = string
  default     = null
}

variable "analyst_policy" {
  description = "Create a managed policy that lets those who have it query the events in Athena, and nothing else. The default is false."
  type        = bool
  default     = null
}

variable "privacy" {
  description = "How to hide visitors' addresses in every event. See docs/privacy.md. The default is none."
  type        = string
  default     = null

  validation {
    condition     = var.privacy == null ? true : contains(["none", "truncate", "hash"], var.privacy)
    error_message = "One of: none, truncate, hash."
  }
}

variable "privacy_key_secret_arn" {
  description = "The secret whose text is the key of Privacy hash. It needs 16 characters or more. Only the function reads it, when it starts."
  type        = string
  default     = null
}

variable "secrets_kms_key_arn" {
  description = "The key of the secrets GeoIPSecret and PrivacyKeySecretArn, if it is not Secrets Manager's own."
  type        = string
  default     = null
}

variable "redact_query" {
  description = "Keys of query strings whose values are removed from every event."
  type        = list(string)
  default     = null
}

variable "rules" {
  description = "Rules that keep, drop, sample or route events, separated by semicolons, such as drop verdict=health_check. See docs/rules.md."
  type        = string
  default     = null
}

variable "routes" {
  description = "Where route:NAME of a rule leads, as NAME=SINK: firehose:STREAM, kinesis:STREAM or s3://bucket/prefix/. RouteArns allows it."
  type        = list(string)
  default     = null
}

variable "route_arns" {
  description = "The ARNs that Routes write to, such as arn:aws:s3:::bucket/prefix/* or that of a stream."
  type        = list(string)
  default     = null
}

variable "alarm_email" {
  description = "Where alarms are sent, by a topic of the stack's own. AWS asks you by e-mail to confirm it. Empty for none."
  type        = string
  default     = null
}

variable "alarm_topic_arn" {
  description = "The SNS topic that alarms notify, in the place of AlarmEmail. Empty for none."
  type        = string
  default     = null
}

variable "diagnosis_minutes" {
  description = "How often the chain is diagnosed, in minutes. Each finding is sent to AlarmEmail or AlarmTopicArn with its fix, and so is its end. 0 for no diagnosis. The default is 10."
  type        = number
  default     = null
}

variable "diagnosis_log_groups" {
  description = "More log groups to diagnose, such as those of \"clearhop subscribe\". A name that ends with * stands for all that begin with it. With AllLogGroups all are diagnosed."
  type        = list(string)
  default     = null
}

variable "fault_percent" {
  description = "An alarm fires if more than this percentage of lines has a fault of the chain. Health checks, refused requests and PrivateLink are not faults. The default is 1."
  type        = number
  default     = null
}

variable "unparsed_percent" {
  description = "An alarm fires if no format can read more than this percentage of lines. The command clearhop format --from FILE finds their format. The default is 5."
  type        = number
  default     = null
}

variable "geo_max_age_days" {
  description = "An alarm fires if a GeoIP database is older than this number of days. The default is 45."
  type        = number
  default     = null
}

variable "tracing" {
  description = "With Active, X-Ray traces the functions. The default is PassThrough."
  type        = string
  default     = null

  validation {
    condition     = var.tracing == null ? true : contains(["PassThrough", "Active"], var.tracing)
    error_message = "One of: PassThrough, Active."
  }
}

variable "memory_size" {
  description = "Memory of the function in MB. More memory also gives it more CPU. The default is 512."
  type        = number
  default     = null
}

variable "reserved_concurrency" {
  description = "How many invocations of the function may run at the same time. What is above waits or is tried again. -1 for no limit but that of the account. Never 0, which stops it. The default is -1."
  type        = number
  default     = null
}

variable "log_retention_days" {
  description = "How many days the logs of the functions and of Firehose are kept. The default is 14."
  type        = number
  default     = null
}

variable "log_kms_key_arn" {
  description = "Your own key for the log groups of the functions and of Firehose. Its policy must let CloudWatch Logs use it. Empty for AWS's own encryption."
  type        = string
  default     = null
}

variable "permissions_boundary" {
  description = "The permissions boundary of every role. Empty for none."
  type        = string
  default     = null
}

variable "role_path" {
  description = "The path of every role. The default is /."
  type        = string
  default     = null
}

variable "subnet_ids" {
  description = "Subnets for the functions. They must lead to the internet or to VPC endpoints of S3, Firehose and CloudWatch Logs, and of EC2 and Secrets Manager if you use them. Empty for no VPC."
  type        = list(string)
  default     = null
}

variable "security_group_ids" {
  description = "Security groups of the functions, with SubnetIds."
  type        = list(string)
  default     = null
}

variable "extra_layer_arn" {
  description = "One more layer for every function, such as your company's certificates or an agent. Empty for none."
  type        = string
  default     = null
}
