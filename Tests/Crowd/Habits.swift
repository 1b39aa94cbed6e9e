/// What the users of a crowd mean to do: who asks twice, who gives back. The same seed gives the same crowd.
struct Habits: Sendable {
  /// 0: the program draws one.
  var seed: UInt64 = 0
  /// Claims that a user may hold.
  var limit = 1
  /// Shares of the users, 0…1.
  var askTwice = 0.2
  var keyless = 0.0
  var giveBack = 0.05
  /// Who tries one draw more than the limit allows.
  var overLimit = 0.05
  /// Of those who gave back: who draws once more, and keeps it.
  var secondChance = 0.5

  /// What user `user` does in their draw number `draw` (from 0); nil when they go home.
  func plan(user: Int, draw: Int) -> Plan? {
    guard draw < limit + (triesOnceMore(user) ? 1 : 0) else { return nil }
    var dice = Dice(seed, user, draw)
    var plan = Plan()
    plan.isKeyed = isKeyed(user)
    if dice.next() < askTwice {
      plan.repeats = 1
      plan.isTwin = dice.next() < 0.25
    }
    plan.givesBack = givesBack(user, draw)
    plan.asksAfterRelease = plan.givesBack && plan.isKeyed && dice.next() < 0.5
    return plan
  }

  private func isKeyed(_ user: Int) -> Bool {
    limit > 1 || Dice(seed, user, Salt.key).peek >= keyless
  }

  /// A draw beyond the limit keeps what it gets.
  private func givesBack(_ user: Int, _ draw: Int) -> Bool {
    draw < limit && Dice(seed, user, Salt.giveBack - draw).peek < giveBack
  }

  /// Some of those who gave back take their second chance; of the others some try for too much. (Without a key that
  /// would only be the same claim again.)
  private func triesOnceMore(_ user: Int) -> Bool {
    let gaveBack = (0..<limit).contains { givesBack(user, $0) }
    let wish = Dice(seed, user, Salt.onceMore).peek
    return gaveBack ? wish < secondChance : isKeyed(user) && wish < overLimit
  }

  private enum Salt {
    static let key = -1
    static let onceMore = -2
    static let giveBack = -1_000
  }

  /// The name that a user gives themselves.
  func name(_ user: Int) -> String { "user-\(user)" }

  /// The Idempotency-Key of a draw: 13 characters, one per seed, user and draw.
  func request(user: Int, draw: Int) -> String {
    var dice = Dice(seed, user, draw &+ 1_000_000)
    var bits = dice.bits()
    return "r"
      + String(
        decoding: (0..<12).map { _ -> UInt8 in
          defer { bits >>= 5 }
          return Self.letters[Int(bits & 31)]
        }, as: UTF8.self)
  }

  private static let letters = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
}

/// Random numbers that depend on nothing but what they are for (SplitMix64).
struct Dice {
  private var state: UInt64

  init(_ seed: UInt64, _ user: Int, _ draw: Int) {
    state = seed
    for part in [user, draw] {
      state = Dice.mix(state &+ 0x9E37_79B9_7F4A_7C15 &+ UInt64(bitPattern: Int64(part)))
    }
  }

  mutating func bits() -> UInt64 {
    state = state &+ 0x9E37_79B9_7F4A_7C15
    return Dice.mix(state)
  }

  /// 0 ..< 1.
  mutating func next() -> Double { Double(bits() >> 11) / 9_007_199_254_740_992 }

  /// The first number, without rolling.
  var peek: Double {
    var copy = self
    return copy.next()
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
