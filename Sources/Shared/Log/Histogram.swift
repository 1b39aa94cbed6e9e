/// Counts of values in buckets that grow by an eighth, so that a percentile is right within 12.5 %.
///
/// A value, not shared: one thread fills it and hands it over. Idea: HdrHistogram's logarithmic buckets
/// with linear parts (Gil Tene), 3 bits of linear resolution.
public struct Histogram: Sendable, Equatable {
  private static let linearBits = 3
  private var buckets = [Int](repeating: 0, count: 41 << Histogram.linearBits)
  public private(set) var count = 0
  public private(set) var maximum: Int64 = 0
  public private(set) var sum: Int64 = 0

  public init() {}

  /// Adds a value; below 0 counts as 0, above 2⁴² as that.
  public mutating func add(_ value: Int64) {
    let bounded = min(max(0, value), 1 << 42)
    buckets[Self.bucket(of: bounded)] += 1
    count += 1
    sum &+= bounded
    maximum = max(maximum, bounded)
  }

  public mutating func add(_ other: Histogram) {
    for index in buckets.indices { buckets[index] += other.buckets[index] }
    count += other.count
    sum &+= other.sum
    maximum = max(maximum, other.maximum)
  }

  /// The value that `share` (0…1) of all values don't exceed, as its bucket's upper end; 0 when empty.
  public func percentile(_ share: Double) -> Int64 {
    precondition((0...1).contains(share))
    guard count > 0 else { return 0 }
    let rank = max(1, Int((Double(count) * share).rounded(.up)))
    var seen = 0
    for (index, inBucket) in buckets.enumerated() {
      seen += inBucket
      if seen >= rank { return min(Self.upperEnd(of: index), maximum) }
    }
    return maximum
  }

  public mutating func reset() { self = Histogram() }

  private static func bucket(of value: Int64) -> Int {
    let linear = Int64(1) << linearBits
    if value < linear { return Int(value) }
    let exponent = 63 - value.leadingZeroBitCount
    let part = Int(value >> (exponent - linearBits)) & Int(linear - 1)
    return (exponent - linearBits + 1) << linearBits + part
  }

  private static func upperEnd(of index: Int) -> Int64 {
    let linear = 1 << linearBits
    if index < linear { return Int64(index) }
    let shift = index >> linearBits - 1
    return (Int64(linear + index % linear + 1) << shift) - 1
  }
}
