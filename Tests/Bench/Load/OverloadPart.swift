import Glibc
import Threads

/// The pair under ten times what it can carry: its maximum first, then the flood, then its maximum again.
///
/// Processor time is read here, between the phases, of the processes that are named.
struct OverloadPart {
  private let port: UInt16
  private let activity: Int
  private let processes: [Int]
  private let seconds: Int
  private let connections: Int
  private let calm: Int

  init(_ options: Options) throws {
    port = UInt16(try options.whole("port", 1...65_535, default: 8_080))
    activity = try options.whole("activity", 1...1 << 52, default: 0)
    processes = try options.text("processes").split(separator: ",").compactMap { Int($0) }
    connections = try options.whole("connections", 1...10_000, default: 1_000)
    calm = try options.whole("calm", 1...connections, default: 512)
    seconds = try options.seconds()
  }

  func run() throws {
    let client = try DrawClient(port: port, activity: activity, run: 0, connections: connections)
    _ = try client.run(.unlimited, over: calm, seconds: seconds)
    let (most, mostUs) = try measured { try client.run(.unlimited, over: calm, seconds: seconds) }
    let rate = 10 * Int(most.claimedPerSecond)
    let (flood, _) = try measured {
      try client.run(.flood(rate), over: connections, seconds: seconds)
    }
    let after = try client.run(.unlimited, over: calm, seconds: 6)
    // A disturbance of either phase is no lack of strength.
    let maximum = max(most.claimedPerSecond, after.claimedPerSecond)
    tell("max_per_s", maximum)
    tell("max_us", Double(mostUs) / Double(most.claimed))
    tell("max_p99_ms", most.ms(0.99))
    tell("offered_per_s", Double(flood.offered) / Double(flood.seconds))
    tell("times", Double(flood.offered) / Double(flood.seconds) / maximum)
    tell("sent_per_s", Double(flood.sent) / Double(flood.seconds))
    tell("refused_per_s", Double(flood.overloaded) / Double(flood.seconds))
    tell("others_per_s", Double(flood.others) / Double(flood.seconds))
    tell("accepted_per_s", flood.claimedPerSecond)
    tell("accepted_p99_ms", flood.ms(0.99))
    tell("back_s", backAfter(after, maximum))
  }

  private func measured(_ phase: () throws -> Tally) throws -> (Tally, us: Int64) {
    let before = processes.reduce(0) { $0 + processorUs(of: $1) }
    let tally = try phase()
    return (tally, processes.reduce(0) { $0 + processorUs(of: $1) } - before)
  }

  /// The end of the first half second that has nine tenths of the maximum; the whole time when there is none.
  private func backAfter(_ tally: Tally, _ maximum: Double) -> Double {
    let tenths = tally.claimedByTenth
    let end = (5...max(5, tenths.count)).first { end in
      end <= tenths.count
        && Double(tenths[(end - 5)..<end].reduce(0, +)) >= 0.9 * maximum * 0.5
    }
    return end.map { Double($0) / 10 } ?? Double(tally.seconds)
  }
}

/// User and system time of another process so far, microseconds; 0 when it is gone.
private func processorUs(of process: Int) -> Int64 {
  guard let bytes = try? contents(of: "/proc/\(process)/stat") else { return 0 }
  let fields = String(decoding: bytes, as: UTF8.self).split(separator: ")").last?.split(
    separator: " ")
  guard let fields, fields.count > 12, let user = Int64(fields[11]), let system = Int64(fields[12])
  else { return 0 }
  return (user + system) * 1_000_000 / Int64(sysconf(Int32(_SC_CLK_TCK)))
}
