/// What a topic must be like for the promises: a value, decided without I/O.
struct TopicSettings {
  struct Doubt: Equatable {
    let setting: String
    let value: String
    let wanted: String
  }

  /// A worker that was away for that long still finds every event.
  static let retentionHoursMin = 24

  let minInSyncReplicas: Int
  /// Compacted: the control topic. Else: the events, kept for a time.
  let isCompacted: Bool

  /// What is not as it must be; `found`: by Kafka's names. What Kafka does not tell is not doubted.
  func doubts(_ found: [String: String]) -> [Doubt] {
    var doubts: [Doubt] = []
    func check(_ setting: String, _ wanted: String, _ isRight: (String) -> Bool) {
      if let value = found[setting], !isRight(value) {
        doubts.append(Doubt(setting: setting, value: value, wanted: wanted))
      }
    }
    check("min.insync.replicas", "\(minInSyncReplicas) or more") {
      Int($0).map { $0 >= minInSyncReplicas } ?? false
    }
    check("unclean.leader.election.enable", "false") { $0 == "false" }
    if isCompacted {
      check("cleanup.policy", "compact") { $0 == "compact" }
      return doubts
    }
    check("cleanup.policy", "delete") { $0 == "delete" }
    let retentionMs = Self.retentionHoursMin * 3_600_000
    check("retention.ms", "-1, or \(retentionMs) or more") {
      Int($0).map { $0 == -1 || $0 >= retentionMs } ?? false
    }
    check("retention.bytes", "-1") { $0 == "-1" }
    return doubts
  }
}
