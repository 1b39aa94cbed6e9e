import Log

/// The fields of the worker's stats line.
enum StatsLine {
  static func fields(
    _ counters: WorkerStats.Counters, _ now: WorkerStats.Now, surplus: LogValue
  ) -> Log.Fields {
    [
      "phase": .string(now.phase),
      "messages": .int(counters.messages),
      "applied": .int(counters.events),
      "batches": .int(counters.batches),
      "heldChange": .integer(counters.heldChange),
      "deadLetters": .int(counters.deadLetters),
      "positionsLost": .int(counters.positionsLost),
      "outages": .int(counters.outages),
      "rebalances": .int(counters.rebalances),
      "batchSize": percentiles(counters.batchSize),
      "applyUs": percentiles(counters.applyMicroseconds),
      "delayMs": percentiles(counters.delayMs),
      "unapplied": .int(now.unapplied),
      "member": .string(now.memberId),
      "generation": .int(now.generation),
      "lagTotal": .integer(now.lag.values.reduce(0, +)),
      "lag": byPartition(now.lag.filter { $0.value > 0 }) { .integer($0) },
      "partitions": .array(now.partitions.map { .int($0) }),
      "stuck": byPartition(now.stuck) { .string($0) },
      "surplus": surplus,
    ]
  }

  private static func byPartition<Value>(
    _ values: [Int32: Value], _ made: (Value) -> LogValue
  ) -> LogValue {
    .object(
      values.sorted { $0.key < $1.key }.map { (key: String($0.key), value: made($0.value)) })
  }

  private static func percentiles(_ histogram: Histogram) -> LogValue {
    .object([
      ("p50", .integer(histogram.percentile(0.5))), ("p99", .integer(histogram.percentile(0.99))),
      ("max", .integer(histogram.maximum)),
    ])
  }
}
