import Testing

@testable import Configuration

@Suite struct RulesTests {
  /// One arrangement that breaks each rule, and no other of its service.
  static let broken: [String: [String: String]] = [
    "kafka.linger-ms": ["KAFKA_LINGER_MS": "100", "CLAIM_DEADLINE_MS": "100"],
    "claim.batch claim.in-flight": ["CLAIM_BATCH": "256", "CLAIM_IN_FLIGHT": "256"],
    "claim.deadline-ms kafka.message-timeout-ms": [
      "CLAIM_DEADLINE_MS": "10000", "RELAY_AGE_MS": "10000", "LEASE_DURATION_MS": "60000",
    ],
    "claim.deadline-ms relay.age-ms": ["CLAIM_DEADLINE_MS": "2001"],
    "claim.deadline-ms shutdown.deadline-ms": ["SHUTDOWN_DEADLINE_MS": "1999"],
    "kafka.min-insync-replicas kafka.replication": ["KAFKA_MIN_INSYNC_REPLICAS": "2"],
    "lease.heartbeat-ms": ["LEASE_HEARTBEAT_MS": "5000"],
    "claim.deadline-ms lease.duration-ms": ["LEASE_DURATION_MS": "2000"],
    "recovery.margin-ms": ["RECOVERY_MARGIN_MS": "10000"],
    "recovery.lock-idle-ms recovery.step-limit-ms": ["RECOVERY_STEP_LIMIT_MS": "10000"],
    "kafka.session-timeout-ms": ["KAFKA_MAX_POLL_INTERVAL_MS": "9999"],
    "apply.flush-ms kafka.max-poll-interval-ms": [
      "APPLY_FLUSH_MS": "60000", "APPLY_STALL_MS": "60001",
    ],
    "apply.flush-ms apply.stall-ms": ["APPLY_STALL_MS": "5000", "APPLY_FLUSH_MS": "5000"],
    "postgres.lock-timeout-ms": ["POSTGRES_LOCK_TIMEOUT_MS": "30001"],
  ]

  private func complaint(_ scope: ConfigKey.Scope, _ variables: [String: String]) -> String? {
    do {
      _ = try Configuration(
        scope: scope, arguments: [],
        environment: Dictionary(
          uniqueKeysWithValues: variables.map { (ConfigKey.environmentPrefix + $0, $1) }))
      return nil
    } catch {
      return error.description
    }
  }

  @Test func theDefaultsKeepAllOfThem() {
    #expect(complaint(.draw, [:]) == nil)
    #expect(complaint(.worker, [:]) == nil)
  }

  @Test func everyRuleIsOfKnownNumbersAndHasAnArrangementThatBreaksIt() {
    #expect(Configuration.rules.count == Self.broken.count)
    for rule in Configuration.rules {
      for name in [rule.smaller, rule.larger] {
        guard case .integer = ConfigKey.all.first(where: { $0.name == name })?.kind else {
          Issue.record("\(name) is no number")
          continue
        }
      }
    }
  }

  @Test(arguments: broken.keys.sorted())
  func aBrokenRuleNamesBothKeys(_ names: String) throws {
    let arrangement = try #require(Self.broken[names])
    let rule = try #require(
      Configuration.rules.first { rule in
        names.split(separator: " ").allSatisfy { [rule.smaller, rule.larger].contains(String($0)) }
      })
    let scopes = [rule.smaller, rule.larger].compactMap { name in
      ConfigKey.all.first { $0.name == name }?.scope
    }
    let reader = scopes.first { $0 != .both } ?? .draw
    let text = try #require(complaint(reader, arrangement))
    #expect(text.hasPrefix("\(rule.smaller) ("))
    #expect(text.contains(" must be \(rule.order.rawValue) \(rule.larger) ("))
    #expect(text.hasSuffix(rule.reason))
    // The other service doesn't read them.
    if reader == .draw, scopes.contains(.draw) { #expect(complaint(.worker, arrangement) == nil) }
    if reader == .worker { #expect(complaint(.draw, arrangement) == nil) }
  }

  @Test func whatIsJustWithinIsKept() {
    #expect(
      complaint(
        .draw,
        ["CLAIM_DEADLINE_MS": "9999", "RELAY_AGE_MS": "9999", "LEASE_DURATION_MS": "10000"]) == nil)
    #expect(complaint(.draw, ["SHUTDOWN_DEADLINE_MS": "2000"]) == nil)
    #expect(
      complaint(.worker, ["KAFKA_REPLICATION": "3", "KAFKA_MIN_INSYNC_REPLICAS": "3"]) == nil)
    #expect(complaint(.worker, ["APPLY_FLUSH_MS": "59999"]) == nil)
    #expect(complaint(.worker, ["KAFKA_MAX_POLL_INTERVAL_MS": "10000"]) == nil)
  }
}
