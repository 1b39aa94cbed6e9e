import Glibc

/// One line a second on standard error.
struct Progress {
  private let startNs: Int64
  private var nextNs: Int64
  private var lastClaimed = 0
  private var lastNs: Int64

  init(startNs: Int64) {
    self.startNs = startNs
    nextNs = startNs + 1_000_000_000
    lastNs = startNs
  }

  mutating func show(_ throng: Throng, nowNs: Int64) {
    guard nowNs >= nextNs else { return }
    nextNs = nowNs + 1_000_000_000
    let tally = throng.tally
    let rate = Double(tally.claimed - lastClaimed) * 1e9 / Double(max(1, nowNs - lastNs))
    (lastClaimed, lastNs) = (tally.claimed, nowNs)
    let refused = tally.refused.values.reduce(0, +)
    let later = tally.later.values.reduce(0, +)
    let unknown = tally.unknown.values.reduce(0, +)
    write(
      error:
        "\((nowNs - startNs) / 1_000_000_000) s: asked \(tally.asked), claimed \(tally.claimed), "
        + "released \(tally.released), refused \(refused), pending \(tally.pending), "
        + "503 \(later), unknown \(unknown), held \(throng.holding.held), \(Int(rate)) draws/s\n")
  }
}

/// Writes to standard error; who cannot hear us is no reason to stop.
func write(error text: String) { write(text, to: 2) }

/// Writes all of it, or gives up when the descriptor does.
func write(_ text: String, to descriptor: Int32) {
  var bytes = Array(text.utf8)[...]
  while !bytes.isEmpty {
    let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress!, $0.count) }
    if count < 0 && errno != EINTR { return }
    bytes = bytes.dropFirst(max(0, count))
  }
}
