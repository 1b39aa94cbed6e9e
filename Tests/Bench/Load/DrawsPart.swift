/// Draws over kept connections: at a fixed rate, or as fast as they are answered.
struct DrawsPart {
  private let port: UInt16
  private let activity: Int
  private let crowd: Int
  private let rate: Int
  private let seconds: Int
  private let connections: Int

  init(_ options: Options) throws {
    port = UInt16(try options.whole("port", 1...65_535, default: 8_080))
    activity = try options.whole("activity", 1...1 << 52, default: 0)
    crowd = try options.whole("run", 0...9, default: 0)
    rate = try options.whole("rate", 0...1_000_000, default: 0)
    connections = try options.whole("connections", 1...10_000, default: 256)
    seconds = try options.seconds()
  }

  func run() throws {
    let client = try DrawClient(
      port: port, activity: activity, run: crowd, connections: connections)
    let usAtStart = processorUs()
    let tally = try client.run(
      rate == 0 ? .unlimited : .rate(rate), over: connections, seconds: seconds)
    tell("claimed", tally.claimed)
    tell("overloaded", tally.overloaded)
    tell("others", tally.others)
    tell("per_s", tally.claimedPerSecond)
    tell("p50_ms", tally.ms(0.5))
    tell("p99_ms", tally.ms(0.99))
    tell("client_us", processorUs() - usAtStart)
  }
}
