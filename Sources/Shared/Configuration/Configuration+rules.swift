extension Configuration {
  /// Two numbers that have to keep an order, and why.
  struct Rule: Sendable {
    enum Order: String, Sendable {
      case below
      case notAbove = "not above"
    }

    let smaller: String
    let order: Order
    let larger: String
    let reason: String

    init(_ smaller: String, _ order: Order, _ larger: String, _ reason: String) {
      self.smaller = smaller
      self.order = order
      self.larger = larger
      self.reason = reason
    }

    func holds(_ small: Int, _ large: Int) -> Bool {
      switch order {
      case .below: small < large
      case .notAbove: small <= large
      }
    }
  }

  static let rules: [Rule] = [
    Rule(
      "kafka.linger-ms", .below, "claim.deadline-ms",
      "or every claim would end as pending"),
    Rule(
      "claim.batch", .below, "claim.in-flight",
      "or the relay's room for one entry would be all there is"),
    Rule(
      "claim.deadline-ms", .below, "kafka.message-timeout-ms",
      "or a publish would be given up while its user still waits"),
    Rule(
      "claim.deadline-ms", .notAbove, "relay.age-ms",
      "or the relay would publish what is still on its first way"),
    Rule(
      "claim.deadline-ms", .notAbove, "shutdown.deadline-ms",
      "or a drain would cut off claims in flight"),
    Rule(
      "kafka.min-insync-replicas", .notAbove, "kafka.replication",
      "or no publish would ever be acknowledged"),
    Rule(
      "lease.heartbeat-ms", .below, "lease.duration-ms",
      "or the lease would end between two heartbeats"),
    Rule(
      "claim.deadline-ms", .below, "lease.duration-ms",
      "or a claim could outlive the lease that it began under"),
    Rule(
      "recovery.margin-ms", .below, "recovery.lock-idle-ms",
      "or a recovery that waits would lose its lock"),
    Rule(
      "recovery.lock-idle-ms", .below, "recovery.step-limit-ms",
      "or a stopped holder would keep the lock for longer than a step may take"),
    Rule(
      "kafka.session-timeout-ms", .notAbove, "kafka.max-poll-interval-ms",
      "librdkafka asks for it"),
    Rule(
      "apply.flush-ms", .below, "kafka.max-poll-interval-ms",
      "or a worker would lose its partitions while it gathers a batch"),
    Rule(
      "apply.flush-ms", .below, "apply.stall-ms",
      "or gathering a batch would raise the alarm"),
    Rule(
      "postgres.lock-timeout-ms", .notAbove, "postgres.statement-timeout-ms",
      "or a wait for a lock would end as a slow statement"),
  ]

  /// Settings that are right one by one can be wrong together: throws an error that names both.
  ///
  /// Asks only what this process reads: settings of the other service are that one's to check.
  func checkRules(scope: ConfigKey.Scope) throws(ConfigError) {
    for rule in Self.rules {
      guard let small = number(rule.smaller, scope), let large = number(rule.larger, scope),
        !rule.holds(small, large)
      else { continue }
      throw ConfigError(
        "\(rule.smaller) (\(small)) must be \(rule.order.rawValue) \(rule.larger) (\(large)), "
          + rule.reason)
    }
  }

  /// The value of a key that this scope reads; nil for any other.
  private func number(_ name: String, _ scope: ConfigKey.Scope) -> Int? {
    guard let key = key(name), key.scope == .both || key.scope == scope else { return nil }
    return int(name)
  }
}
