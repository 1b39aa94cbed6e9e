/// Random numbers that come again with the same seed (SplitMix64).
public struct Seeded: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(_ seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

/// The bytes with a few of them changed, taken out, doubled or swapped for something that JSON cares about.
public func mutated(_ original: [UInt8], _ random: inout Seeded) -> [UInt8] {
  let telling =
    Array(#""\{}[]:,.+-eEu0019tfn/ "#.utf8) + [0x00, 0x1f, 0x7f, 0x80, 0xc3, 0xed, 0xff]
  var bytes = original
  for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
    let index = bytes.indices.randomElement(using: &random)!
    switch Int.random(in: 0..<5, using: &random) {
    case 0: bytes[index] = telling.randomElement(using: &random)!
    case 1: bytes.remove(at: index)
    case 2: bytes.insert(telling.randomElement(using: &random)!, at: index)
    case 3: bytes.removeSubrange(index..<min(bytes.count, index + 8))
    default: bytes.insert(contentsOf: bytes[index..<min(bytes.count, index + 8)], at: index)
    }
  }
  return bytes
}
