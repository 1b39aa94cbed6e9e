/// A flood, and what the same few connections get before it and after it.
struct OverloadPart {
  private let port: UInt16
  private let activity: Int
  private let most: Int
  private let seconds: Int
  private let connections: Int
  private let calm: Int

  init(_ options: Options) throws {
    port = UInt16(try options.whole("port", 1...65_535, default: 8_080))
    activity = try options.whole("activity", 1...1 << 52, default: 0)
    most = try options.whole("most", 0...1_000_000, default: 0)
    connections = try options.whole("connections", 1...10_000, default: 1_000)
    calm = try options.whole("calm", 1...connections, default: 512)
    seconds = try options.seconds()
  }

  func run() throws {
    let client = try DrawClient(port: port, activity: activity, run: 0, connections: connections)
    _ = try client.run(.unlimited, over: calm, seconds: 1)
    let before = try client.run(.unlimited, over: calm, seconds: seconds)
    let rate = 10 * max(most, Int(before.claimedPerSecond))
    let flood = try client.run(.flood(rate), over: connections, seconds: seconds)
    let after = try client.run(.unlimited, over: calm, seconds: 6)
    tell("before_per_s", before.claimedPerSecond)
    tell("before_p99_ms", before.ms(0.99))
    tell("offered_per_s", Double(flood.offered) / Double(seconds))
    tell("sent_per_s", Double(flood.sent) / Double(seconds))
    tell("refused_per_s", Double(flood.overloaded) / Double(seconds))
    tell("others_per_s", Double(flood.others) / Double(seconds))
    tell("accepted_per_s", flood.claimedPerSecond)
    tell("accepted_p99_ms", flood.ms(0.99))
    tell("after_per_s", after.claimedPerSecond)
    tell("back_s", backAfter(after, before.claimedPerSecond))
  }

  /// The end of the first half second that has nine tenths of what was before; the whole time when there is none.
  private func backAfter(_ tally: Tally, _ before: Double) -> Double {
    let tenths = tally.claimedByTenth
    let end = (5...max(5, tenths.count)).first { end in
      end <= tenths.count
        && Double(tenths[(end - 5)..<end].reduce(0, +)) >= 0.9 * before * 0.5
    }
    return end.map { Double($0) / 10 } ?? Double(tally.seconds)
  }
}
