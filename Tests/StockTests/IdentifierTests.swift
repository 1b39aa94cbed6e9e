import Stock
import Testing

@Suite struct ActivityIDTests {
  @Test(arguments: ["1", "100001", "9007199254740991"])
  func readsWhatItWrites(_ text: String) throws {
    let activity = try #require(ActivityID(text: text))
    #expect(activity.description == text)
    #expect(ActivityID(activity.value) == activity)
    #expect(ActivityID(text: "x\(text)y".dropFirst().dropLast()) == activity)
  }

  @Test(arguments: [
    "", "0", "00", "01", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "1_000", "9007199254740992",
    "9999999999999999", "10000000000000000", "99999999999999999999999999", "１", "١", "1\u{0}", "a",
    "1\u{301}",
  ])
  func refusesEverythingElse(_ text: String) {
    #expect(ActivityID(text: text) == nil)
  }

  @Test func keepsToItsRange() {
    #expect(ActivityID(0) == nil)
    #expect(ActivityID(-1) == nil)
    #expect(ActivityID(1)?.value == 1)
    #expect(ActivityID(1 << 53) == nil)
    #expect(ActivityID((1 << 53) - 1)?.value == 9_007_199_254_740_991)
    #expect(ActivityID(.max) == nil)
    #expect(ActivityID(.min) == nil)
    #expect(ActivityID(2)! < ActivityID(10)!)
  }
}

@Suite struct IdentifierTests {
  @Test func allowsExactlyTheCharactersOfItsRule() {
    let allowed = Set(
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-".unicodeScalars)
    #expect(allowed.count == 66)
    for scalar in (0...0x2ff).compactMap(Unicode.Scalar.init(_:) as (Int) -> Unicode.Scalar?) {
      #expect(Identifier.isValid(String(scalar)) == allowed.contains(scalar))
      #expect(Identifier.isValid("a\(scalar)a") == allowed.contains(scalar))
    }
  }

  @Test func isOneToSixtyFourBytesLong() {
    #expect(!Identifier.isValid(""))
    #expect(Identifier.isValid("a"))
    #expect(Identifier.isValid(String(repeating: "a", count: 64)))
    #expect(!Identifier.isValid(String(repeating: "a", count: 65)))
    #expect(Identifier.isValid("xabcx".dropFirst().dropLast()))
  }
}

@Suite struct NamesTests {
  @Test func theLockKeyIsActivityAndSlot() {
    #expect(lockKey(ActivityID(100_001)!, 17) == "100001_17")
  }

  /// Fixed: another function would let a slot's events overtake each other in a running deployment.
  @Test func neighbouringSlotsShareAPartitionAndAnActivityUsesAll() {
    let id = ActivityID(100_001)!
    #expect(
      [1, 255, 256, 511, 512, 4_095].map { partition(of: $0, id, among: 16) } == [1, 1, 2, 2, 3, 0])
    #expect(Set((1...4_096).map { partition(of: $0, id, among: 16) }) == Set(0..<16))
    let last = ActivityID(ActivityID.range.upperBound)!
    #expect((0..<16).contains(partition(of: StockLimits.total.upperBound, last, among: 16)))
  }

  @Test func anActivitysKeysShareOneHashTag() {
    let keys = RedisKeys(ActivityID(7)!)
    #expect(
      keys.all == [
        "stock:fence", "stock:activities", "stock:{7}", "stock:{7}:locks", "stock:{7}:users",
        "stock:{7}:free", "stock:{7}:outbox",
      ])
  }
}
