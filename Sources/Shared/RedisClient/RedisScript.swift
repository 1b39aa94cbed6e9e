/// A Lua script that the server knows by the SHA-1 of its source.
public struct RedisScript: Sendable, Equatable {
  /// For people and errors.
  public let name: String
  public let source: [UInt8]
  /// 40 lower-case hexadecimal digits.
  public let sha1: String

  public init(name: String, source: [UInt8]) {
    self.name = name
    self.source = source
    sha1 = hexadecimalSHA1(source)
  }

  public static func == (left: Self, right: Self) -> Bool { left.sha1 == right.sha1 }
}

/// SHA-1 as FIPS 180-4 describes it. It names scripts here and protects nothing.
func hexadecimalSHA1(_ message: [UInt8]) -> String {
  var padded = message + [0x80]
  while padded.count % 64 != 56 { padded.append(0) }
  let bitCount = UInt64(message.count) * 8
  for shift in stride(from: 56, through: 0, by: -8) {
    padded.append(UInt8(truncatingIfNeeded: bitCount >> UInt64(shift)))
  }
  var hash: [UInt32] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
  for start in stride(from: 0, to: padded.count, by: 64) {
    mix(padded[start..<start + 64], into: &hash)
  }
  return hash.map { word in
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }.joined()
}

private func mix(_ block: ArraySlice<UInt8>, into hash: inout [UInt32]) {
  func rotate(_ word: UInt32, _ bits: UInt32) -> UInt32 { word << bits | word >> (32 - bits) }
  var schedule: [UInt32] = []
  for start in stride(from: block.startIndex, to: block.endIndex, by: 4) {
    schedule.append(block[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) })
  }
  for step in 16..<80 {
    let word = schedule[step - 3] ^ schedule[step - 8] ^ schedule[step - 14] ^ schedule[step - 16]
    schedule.append(rotate(word, 1))
  }
  var (a, b, c, d, e) = (hash[0], hash[1], hash[2], hash[3], hash[4])
  for step in 0..<80 {
    let (choice, constant): (UInt32, UInt32) =
      switch step {
      case 0..<20: (b & c | ~b & d, 0x5a82_7999)
      case 20..<40: (b ^ c ^ d, 0x6ed9_eba1)
      case 40..<60: (b & c | b & d | c & d, 0x8f1b_bcdc)
      default: (b ^ c ^ d, 0xca62_c1d6)
      }
    let next = rotate(a, 5) &+ choice &+ e &+ constant &+ schedule[step]
    (a, b, c, d, e) = (next, a, rotate(b, 30), c, d)
  }
  for (index, word) in [a, b, c, d, e].enumerated() { hash[index] &+= word }
}
