extension ConfigKey {
  /// Every setting of the pair, in the order of the help and of the README's table.
  public static let all: [ConfigKey] =
    service + http + claims + redis + kafka + lease + postgres + apply + recovery

  private static let service: [ConfigKey] = [
    ConfigKey(
      "instance", default: "",
      "name of this instance in logs and clients; empty: host and process id"),
    ConfigKey(
      "log.level", .choice(["debug", "info", "warning", "error", "alarm"]), default: "info",
      "least level that is logged; one line per draw at debug"),
    ConfigKey(
      "stats.interval-ms", .integer(100...600_000), default: "5000", "time between two stats lines"),
    ConfigKey(
      "shutdown.deadline-ms", .integer(100...600_000), default: "15000",
      "longest drain after SIGTERM; then the process ends with status 1"),
  ]

  private static let http: [ConfigKey] = [
    ConfigKey("http.host", default: "0.0.0.0", scope: .draw, "address to listen on"),
    ConfigKey(
      "http.port", .integer(0...65_535), default: "8080", scope: .draw,
      "port to listen on; 0: any free one, said in the log"),
    ConfigKey(
      "http.loops", .integer(1...64), default: "1", scope: .draw, "threads that serve HTTP"),
    ConfigKey(
      "http.connections", .integer(1...100_000), default: "4096", scope: .draw,
      "open connections; more are answered 503 and closed"),
    ConfigKey(
      "http.header-bytes", .integer(512...65_536), default: "8192", scope: .draw,
      "longest headers; more: 431"),
    ConfigKey(
      "http.body-bytes", .integer(0...1_048_576), default: "4096", scope: .draw,
      "longest body, ignored; more: 413"),
    ConfigKey(
      "http.request-timeout-ms", .integer(100...600_000), default: "5000", scope: .draw,
      "from a request's first byte to its last; more: 408"),
    ConfigKey(
      "http.idle-timeout-ms", .integer(100...3_600_000), default: "60000", scope: .draw,
      "a connection without a request is closed"),
  ]

  private static let claims: [ConfigKey] = [
    ConfigKey(
      "claim.lanes", .integer(1...64), default: "1", scope: .draw,
      "threads with a Redis connection each; an activity belongs to one"),
    ConfigKey(
      "claim.batch", .integer(1...256), default: "128", scope: .draw,
      "most claims in one script call"),
    ConfigKey(
      "claim.inbox", .integer(1...1_000_000), default: "4096", scope: .draw,
      "requests that wait for a lane; more: 503 overloaded"),
    ConfigKey(
      "claim.in-flight", .integer(256...1_000_000), default: "8192", scope: .draw,
      "claims between script and acknowledgement, room for one entry kept for the relay; more: 503 overloaded"
    ),
    ConfigKey(
      "claim.deadline-ms", .integer(50...60_000), default: "2000", scope: .draw,
      "oldest request that is still claimed, and the longest wait for Kafka before 'pending'"),
    ConfigKey(
      "claim.slide-limit", .integer(256...100_000), default: "10000", scope: .draw,
      "taken slots that one script call slides over before it is called again"),
    ConfigKey(
      "outbox.cap", .integer(1...10_000_000), default: "100000", scope: .draw,
      "script calls of an activity that Kafka has not acknowledged; more: 503 unavailable"),
    ConfigKey(
      "relay.interval-ms", .integer(50...60_000), default: "500", scope: .draw,
      "time between two sweeps of the outbox"),
    ConfigKey(
      "relay.age-ms", .integer(100...600_000), default: "2000", scope: .draw,
      "entries older than this are published again"),
    ConfigKey(
      "relay.batch", .integer(1...10_000), default: "500", scope: .draw,
      "outbox entries of an activity that are read at a time"),
  ]

  private static let redis: [ConfigKey] = [
    ConfigKey("redis.host", default: "127.0.0.1", "server's name or address"),
    ConfigKey("redis.port", .integer(1...65_535), default: "6379", "server's port"),
    ConfigKey("redis.socket", default: "", "Unix socket; goes before host and port"),
    ConfigKey("redis.user", default: "", "ACL user; empty: the default user"),
    ConfigKey("redis.password", isSecret: true, "password"),
    ConfigKey("redis.database", .integer(0...1_000), default: "0", "database number"),
    ConfigKey(
      "redis.connect-timeout-ms", .integer(10...60_000), default: "1000", "longest connect"),
    ConfigKey(
      "redis.command-timeout-ms", .integer(10...60_000), default: "1000",
      "longest wait for a pipeline's replies"),
  ]

  private static let kafka: [ConfigKey] = [
    ConfigKey("kafka.bootstrap", default: "127.0.0.1:9092", "brokers to begin with"),
    ConfigKey(
      "kafka.topic", default: "stock.events",
      "topic of the events; made at start if it is not there"),
    ConfigKey(
      "kafka.partitions", .integer(1...10_000), default: "16",
      "partitions of the topic, fixed for a deployment; another number stops the start"),
    ConfigKey(
      "kafka.replication", .integer(1...16), default: "1",
      "replicas of a topic that is made (3 in production)"),
    ConfigKey(
      "kafka.min-insync-replicas", .integer(1...16), default: "1",
      "min.insync.replicas of a topic that is made (2 in production)"),
    ConfigKey(
      "kafka.message-timeout-ms", .integer(1_000...600_000), default: "10000", scope: .draw,
      "a publish that is not acknowledged by then is left to the relay"),
    ConfigKey(
      "kafka.linger-ms", .integer(0...1_000), default: "0", scope: .draw,
      "time that the producer gathers messages, besides what gathers while two requests to a broker are on their way"
    ),
    ConfigKey("kafka.group", default: "stock-sync-worker", scope: .worker, "consumer group"),
    ConfigKey(
      "kafka.session-timeout-ms", .integer(1_000...1_800_000), default: "10000", scope: .worker,
      "a worker that is not heard of loses its partitions"),
    ConfigKey(
      "kafka.max-poll-interval-ms", .integer(1_000...86_400_000), default: "60000", scope: .worker,
      "longest time between two polls"),
    ConfigKey(
      "kafka.property", .properties,
      "any librdkafka property, for SASL and TLS; those that the promises rest on are refused"),
  ]

  private static let lease: [ConfigKey] = [
    ConfigKey(
      "kafka.control-topic", default: "stock.control",
      "topic of epochs and heartbeats, one partition, compacted; made at start if it is not there"),
    ConfigKey(
      "lease.duration-ms", .integer(500...600_000), default: "5000",
      "how long a DrawService may say 'claimed' after it began a heartbeat; the same for both services"
    ),
    ConfigKey(
      "lease.heartbeat-ms", .integer(50...60_000), default: "1000", scope: .draw,
      "time between two heartbeats"),
  ]

  private static let postgres: [ConfigKey] = [
    ConfigKey(
      "postgres.connection", default: "", scope: .worker,
      "libpq connection string or URI, without the password; empty: libpq's own environment"),
    ConfigKey(
      "postgres.password", scope: .worker, isSecret: true,
      "password, when libpq's own ways don't serve"),
    ConfigKey(
      "postgres.connect-timeout-ms", .integer(1_000...60_000), default: "5000", scope: .worker,
      "longest connect"),
    ConfigKey(
      "postgres.statement-timeout-ms", .integer(100...600_000), default: "30000", scope: .worker,
      "longest statement"),
    ConfigKey(
      "postgres.lock-timeout-ms", .integer(100...600_000), default: "10000", scope: .worker,
      "longest wait for a lock"),
  ]

  private static let apply: [ConfigKey] = [
    ConfigKey(
      "apply.batch", .integer(1...100_000), default: "5000", scope: .worker,
      "most events in one transaction"),
    ConfigKey(
      "apply.flush-ms", .integer(1...3_600_000), default: "50", scope: .worker,
      "a batch closes after this time; longer spares the database"),
    ConfigKey(
      "apply.stall-ms", .integer(1_000...3_600_000), default: "60000", scope: .worker,
      "a batch without progress for this long raises an alarm"),
  ]

  private static let recovery: [ConfigKey] = [
    ConfigKey(
      "recovery.check-ms", .integer(100...60_000), default: "1000", scope: .worker,
      "time between two looks at whether Redis has to be recovered"),
    ConfigKey(
      "recovery.margin-ms", .integer(100...60_000), default: "1000", scope: .worker,
      "drift of clocks and margin: a recovery waits lease.duration-ms and this"),
    ConfigKey(
      "recovery.extra-wait-ms", .integer(0...600_000), default: "2000", scope: .worker,
      "a longer wait, in which claims on their way can still arrive; safety needs none"),
    ConfigKey(
      "recovery.lock-idle-ms", .integer(1_000...600_000), default: "10000", scope: .worker,
      "a recovering worker that does nothing for this long loses the lock to another"),
    ConfigKey(
      "recovery.step-limit-ms", .integer(1_000...3_600_000), default: "600000", scope: .worker,
      "longest step of a recovery; then it starts again with a new epoch"),
    ConfigKey(
      "activity.retention-hours", .integer(1...87_600), default: "168", scope: .worker,
      "an activity is kept in Redis for this long after it closed, and recovered only within it; removed by the scheduled reconciliation"
    ),
    ConfigKey(
      "reconcile.interval-ms", .integer(0...86_400_000), default: "60000", scope: .worker,
      "time between two reconciliations of Redis with Postgres, and removals of what is past its retention; 0: by command only"
    ),
    ConfigKey(
      "reconcile.wait-ms", .integer(100...3_600_000), default: "30000", scope: .worker,
      "longest wait for Postgres to have applied what was in Kafka; then nothing is judged"),
  ]
}
