internal import Log
internal import RedisClient

/// Looks at the settings of Redis at each connection, for a restart may bring others, and as long as they are wrong.
struct RedisSettingsWatch {
  private let readiness: Readiness
  private let log: Log
  private var checkedConnection = 0
  private var isUnsafe = false
  /// Warnings that were said.
  private var told: Set<String> = []

  init(readiness: Readiness, log: Log) {
    self.readiness = readiness
    self.log = log
  }

  mutating func check(_ session: RedisSession) throws(RedisError) {
    if session.connectionCount == checkedConnection && !isUnsafe { return }
    let reply = try session.pipeline([RedisSettings.command])[0]
    let isNews = session.connectionCount != checkedConnection
    checkedConnection = session.connectionCount
    guard let settings = RedisSettings(reply) else {
      // Of another server than the one that was found unsafe.
      if isNews, isUnsafe {
        isUnsafe = false
        readiness.setWrongRedisSettings([])
      }
      warn("maxmemory-policy", "unknown, CONFIG GET was refused", "noeviction")
      return
    }
    isUnsafe = settings.isUnsafe
    readiness.setWrongRedisSettings(isUnsafe ? ["maxmemory-policy"] : [])
    if isUnsafe && isNews {
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
