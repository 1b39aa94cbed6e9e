/// What must not grow while sale follows sale.
enum Flatness {
  /// Above what was there at half of the time: 10 % and 5 MB of memory, 8 descriptors, 4 threads.
  static let rssShare = 1.1
  static let rssKB = 5_120
  static let descriptors = 8
  static let threads = 4

  /// Of an instance that has run through all of it; in order of time.
  static func findings(_ samples: [SoakSample]) -> [String] {
    guard let half = SoakSample.middle(samples), let last = samples.last, samples.count >= 3 else {
      return ["fewer than three samples of an instance: nothing is shown"]
    }
    var findings: [String] = []
    if Set(samples.map(\.pid)).count > 1 {
      findings.append("\(last.instance) was started again: no process lived through all of it")
    }
    func expect(_ name: String, _ was: Int, _ now: Int, atMost limit: Int) {
      if now > limit {
        findings.append("\(last.instance): \(name) \(was) at half, \(now) at the end")
      }
    }
    expect(
      "RSS kB", half.rssKB, last.rssKB, atMost: Int(Double(half.rssKB) * rssShare) + rssKB)
    expect(
      "descriptors", half.descriptors, last.descriptors, atMost: half.descriptors + descriptors)
    expect("threads", half.threads, last.threads, atMost: half.threads + threads)
    for sample in samples where sample.outbox > 0 || sample.lag > 0 {
      findings.append(
        "\(sample.instance) after sale \(sample.sale): outbox \(sample.outbox), lag \(sample.lag)")
    }
    return findings
  }
}
