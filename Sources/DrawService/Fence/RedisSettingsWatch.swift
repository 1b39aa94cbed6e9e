internal import Log
internal import RedisClient

/// Looks at the settings of Redis at each connection, for a restart may bring others.
struct RedisSettingsWatch {
  private let readiness: Readiness
  private let log: Log
  private var checkedConnection = 0
  /// Warnings that were said.
  private var told: Set<String> = []

  init(readiness: Readiness, log: Log) {
    self.readiness = readiness
    self.log = log
  }

  mutating func check(_ session: RedisSession) throws(RedisError) {
    if session.connectionCount == checkedConnection { return }
    let reply = try session.pipeline([RedisSettings.command])[0]
    checkedConnection = session.connectionCount
    guard let settings = RedisSettings(reply) else {
      warn("maxmemory-policy", "unknown, CONFIG GET was refused", "noeviction")
      return
    }
    readiness.setWrongRedisSettings(settings.isUnsafe ? ["maxmemory-policy"] : [])
    if settings.isUnsafe {
      log.alarm("redis_setting", Self.fields("maxmemory-policy", settings.policy, "noeviction"))
    }
    for doubt in settings.doubts { warn(doubt.setting, doubt.value, doubt.wanted) }
  }

  private mutating func warn(_ setting: String, _ value: String, _ wanted: String) {
    if told.insert(setting).inserted {
      log.warning("redis_setting", Self.fields(setting, value, wanted))
    }
  }

  private static func fields(_ setting: String, _ value: String, _ wanted: String) -> Log.Fields {
    ["setting": .string(setting), "value": .string(value), "wanted": .string(wanted)]
  }
}
