internal import Configuration
internal import Glibc
internal import HTTPServer
internal import KafkaClient
internal import RedisClient

/// Everything that a DrawService is built from, typed.
struct Settings: Sendable {
  var instance: String
  var httpHost: String
  var httpPort: UInt16
  var httpLoops: Int
  var http: HTTPLimits
  var lanes: Int
  var inbox: Int
  var inFlight: Int
  var claims: ClaimLimits
  var relay: RelaySettings
  var lease: LeaseSettings
  var redis: RedisEndpoint
  var kafka: KafkaSettings
  var topic: String
  var partitions: Int32
  var replication: Int16
  var minInSyncReplicas: Int
  var messageTimeoutMs: Int
  var lingerMs: Int
  var statsIntervalMs: Int
  var shutdownDeadlineMs: Int

  init(_ configuration: Configuration) throws(ConfigError) {
    instance = configuration.text("instance") ?? Self.defaultInstance()
    httpHost = try configuration.required("http.host")
    httpPort = UInt16(configuration.int("http.port"))
    httpLoops = configuration.int("http.loops")
    http = HTTPLimits(
      headerBytes: configuration.int("http.header-bytes"),
      bodyBytes: configuration.int("http.body-bytes"),
      connections: configuration.int("http.connections"),
      requestTimeoutMs: configuration.int("http.request-timeout-ms"),
      idleTimeoutMs: configuration.int("http.idle-timeout-ms"))
    lanes = configuration.int("claim.lanes")
    inbox = configuration.int("claim.inbox")
    inFlight = configuration.int("claim.in-flight")
    claims = ClaimLimits(
      deadlineMs: configuration.int("claim.deadline-ms"),
      slideLimit: configuration.int("claim.slide-limit"),
      outboxCap: configuration.int("outbox.cap"), batch: configuration.int("claim.batch"))
    relay = RelaySettings(
      intervalMs: configuration.int("relay.interval-ms"), ageMs: configuration.int("relay.age-ms"),
      batch: configuration.int("relay.batch"))
    lease = LeaseSettings(
      topic: try configuration.required("kafka.control-topic"),
      durationMs: configuration.int("lease.duration-ms"),
      heartbeatMs: configuration.int("lease.heartbeat-ms"))
    redis = RedisEndpoint(
      host: try configuration.required("redis.host"), port: configuration.int("redis.port"),
      socket: configuration.text("redis.socket"), username: configuration.text("redis.user"),
      password: configuration.text("redis.password"), database: configuration.int("redis.database"),
      connectTimeoutMs: configuration.int("redis.connect-timeout-ms"),
      commandTimeoutMs: configuration.int("redis.command-timeout-ms"),
      clientName: "draw-service")
    kafka = KafkaSettings(
      bootstrap: try configuration.required("kafka.bootstrap"), clientId: instance,
      properties: configuration.properties("kafka.property"))
    topic = try configuration.required("kafka.topic")
    partitions = Int32(configuration.int("kafka.partitions"))
    replication = Int16(configuration.int("kafka.replication"))
    minInSyncReplicas = configuration.int("kafka.min-insync-replicas")
    messageTimeoutMs = configuration.int("kafka.message-timeout-ms")
    lingerMs = configuration.int("kafka.linger-ms")
    statsIntervalMs = configuration.int("stats.interval-ms")
    shutdownDeadlineMs = configuration.int("shutdown.deadline-ms")
  }

  private static func defaultInstance() -> String {
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, name.count - 1)
    let host = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    return "\(host)-\(getpid())"
  }
}
