/// Every fault that the harness knows, in the order of the table.
let catalogue: [Fault] = [
  redisFaults, kafkaFaults, producerFaults, brokerFaults, poisonFaults, replayFaults, httpFaults,
  overloadFaults, randomFaults,
].joined().sorted { ($0.row, $0.name) < ($1.row, $1.name) }

/// What cannot be brought about here, and why: the table says so.
let notHere: [Int: String] = [:]
