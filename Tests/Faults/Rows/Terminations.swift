import Foundation
import Glibc
import TestSupport

/// SIGTERM under load. Whatever does not end with status 0 is a violation.
let terminations = [
  Fault(row: 25, name: "draw-ended", plan: busy, breaks: [.draws], isCombinable: false) {
    sale, random in
    let draw = sale.draws.randomElement(using: &random)!
    try end([draw], sale, &random, back: .draws(withinMs: 10_000))
  },
  Fault(row: 25, name: "worker-ended", breaks: [.workers]) { sale, random in
    let worker = sale.workers.randomElement(using: &random)!
    try end([worker], sale, &random, back: .worker(withinMs: 10_000))
  },
  Fault(
    row: 25, name: "all-ended", plan: busy, breaks: [.draws, .workers], isCombinable: false
  ) { sale, random in
    try end(sale.services, sale, &random, back: .draws(withinMs: 10_000))
  },
]

/// More than can be served: every connection of the crowd has a request in flight.
private let busy = Plan(stock: 6_000, rate: 3_000)

/// By then a request has reached the service: what was sent later may meet a closed connection.
private let onItsWayUs: Int64 = 20_000

private func end(
  _ services: [ServiceProcess], _ sale: Sale, _ random: inout Seeded, back: Back
) throws {
  try sale.sell(.random(in: 100...400, using: &random))
  let name = "SIGTERM of " + services.map(\.name).joined(separator: ", ")
  var moment: Int64 = 0
  let numbers = sale.numbers(of: services)
  let partitions = try services.filter { $0.kind == .worker }.flatMap { try $0.awaitPartitions() }
  try sale.injure(name, back: back, services: numbers, partitions: partitions) {
    moment = nowUs()
    for service in services { try service.signal(SIGTERM) }
    for service in services { try service.awaitEnd() }
    let tookMs = (nowUs() - moment) / 1_000
    for service in services { try service.start() }
    return "status 0 of \(services.count) within \(tookMs) ms"
  }
  let ended = Set(
    sale.draws.indices.filter { index in
      services.contains { $0.name == sale.draws[index].name }
    })
  if !ended.isEmpty { sale.prove(name) { [moment] in try answered(ended, at: moment, sale) } }
  for service in services { try service.awaitReady() }
  try sale.sellMore(100)
}

/// What was asked of these DrawServices and not answered yet when SIGTERM came: all of that was answered then.
private func answered(_ services: Set<Int>, at moment: Int64, _ sale: Sale) throws -> String? {
  let inFlight = try ToldLine.read(sale.folder + "/told.jsonl", fromUs: sale.toldFromUs()).filter {
    services.contains($0.service) && $0.sentUs < moment && $0.answeredUs > moment
  }
  let lost = inFlight.count { $0.answer == "unknown" && $0.sentUs < moment - onItsWayUs }
  guard lost == 0 else {
    throw Broken("\(lost) of \(inFlight.count) requests in flight were not answered")
  }
  let count = inFlight.count { $0.answer != "unknown" }
  return count == 0 ? nil : "\(count) requests in flight, answered"
}
