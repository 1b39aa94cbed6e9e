internal import HTTPServer
internal import Log

extension Parts {
  /// One line with everything since the last one.
  func logStats(_ log: Log) {
    let values = meters.takeValues()
    let http = server.statistics
    log.info(
      "stats",
      [
        "draws": counts(values.outcomes),
        "claimedUs": latency(values.claimedUs),
        "otherUs": latency(values.otherUs),
        "turns": .int(values.turns),
        "scriptCalls": .int(values.scriptCalls),
        "turnRequests": latency(values.turnRequests),
        "redisUs": latency(values.redisUs),
        "outboxLengthMax": .int(values.outboxLengthMax),
        "outboxAgeMsMax": .int(values.outboxAgeMsMax),
        "relayed": .int(values.relayed),
        "waitingForLane": .int(waitingForLane),
        "waitingForKafka": .int(waitingForKafka),
        "connections": .int(http.connections),
        // For want of descriptors, mostly.
        "acceptFailures": .int(meters.newAcceptFailures(of: http.acceptFailures)),
        "failures": counts(values.failures),
      ])
  }
}

private func counts(_ values: [String: Int]) -> LogValue {
  .object(values.sorted { $0.key < $1.key }.map { (key: $0.key, value: .int($0.value)) })
}

private func latency(_ histogram: Histogram) -> LogValue {
  [
    "count": .int(histogram.count),
    "p50": .int(histogram.percentile(0.5)),
    "p99": .int(histogram.percentile(0.99)),
    "max": .int(histogram.maximum),
  ]
}
