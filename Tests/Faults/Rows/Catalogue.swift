/// Every fault that the harness knows, in the order of the table.
let catalogue: [Fault] = [
  processFaults, redisFaults, linkFaults, slotConflictFaults, oldEpochFaults, clockFaults,
  bootClockFaults, kafkaFaults,
  producerFaults, brokerFaults, mockFaults, poisonFaults, replayFaults, postgresDeathFaults,
  postgresRefusalFaults, postgresLossFaults, httpFaults, overloadFaults, resourceFaults,
  randomFaults,
].joined().sorted { ($0.row, $0.name) < ($1.row, $1.name) }

/// What cannot be brought about here, and why: the table says so.
let notHere: [Int: String] = [:]
