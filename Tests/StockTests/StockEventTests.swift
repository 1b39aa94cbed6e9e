import Foundation
import JSONBytes
import Stock
import TestSupport
import Testing

let example = StockEvent(
  kind: .claimed, activity: ActivityID(100_001)!, slot: 17, seq: 17, epoch: 1, user: "ann",
  request: "r-1", timeMs: 1_767_225_600_000)

/// The example's text with one piece of it in other words.
func changed(_ piece: String, _ replacement: String) throws -> [UInt8] {
  let text = String(decoding: example.encoded(), as: UTF8.self)
  let range = try #require(text.firstRange(of: piece))
  return Array(text.replacingCharacters(in: range, with: replacement).utf8)
}

private func failure(_ bytes: [UInt8]) -> StockEvent.DecodingFailure? {
  do {
    _ = try StockEvent.decode(bytes)
    return nil
  } catch {
    return error
  }
}

@Suite struct StockEventTests {
  @Test func comesBackAsItWas() throws {
    #expect(try StockEvent.decode(example.encoded()) == example)
    #expect(example.key == Array("100001_17".utf8))
    let largest = (Int64(1) << 53) - 1
    for kind in [StockEvent.Kind.claimed, .released] {
      let event = StockEvent(
        kind: kind, activity: ActivityID(largest)!, slot: largest, seq: largest, epoch: largest,
        user: String(repeating: "~", count: 64), request: String(repeating: "Z", count: 64),
        timeMs: largest)
      #expect(event.encoded().count <= StockEvent.maximumBytes)
      #expect(try StockEvent.decode(event.encoded()) == event)
    }
  }

  @Test func randomEventsComeBackAndFoundationReadsThemToo() throws {
    var random = Seeded(1)
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-")
    func word() -> String {
      String(
        (0..<Int.random(in: 1...64, using: &random)).map { _ in
          letters.randomElement(using: &random)!
        })
    }
    for _ in 0..<1_000 {
      func number() -> Int64 {
        max(
          1,
          Int64.random(in: 0...ActivityID.range.upperBound, using: &random)
            >> Int64.random(in: 0...52, using: &random))
      }
      let event = StockEvent(
        kind: Bool.random(using: &random) ? .claimed : .released, activity: ActivityID(number())!,
        slot: number(), seq: number(), epoch: number(), user: word(), request: word(),
        timeMs: number())
      #expect(try StockEvent.decode(event.encoded()) == event)
      let read = try JSONSerialization.jsonObject(with: Data(event.encoded())) as? [String: Any]
      #expect(read?["type"] as? String == event.kind.rawValue)
      #expect((read?["seq"] as? NSNumber)?.int64Value == event.seq)
      #expect(read?["request"] as? String == event.request)
    }
  }

  @Test func orderSpaceAndUnknownFieldsDontMatter() throws {
    let text = """
      { "time":1767225600000, "note":{"time":[1]}, "request":"r-1", "user":"\\u0061nn", "epoch":1,
        "seq":17, "slot":17, "activity":100001, "note":null, "type":"claimed", "v":1 }
      """
    #expect(try StockEvent.decode(Array(text.utf8)) == example)
  }

  @Test(arguments: ["v", "type", "activity", "slot", "seq", "epoch", "user", "request", "time"])
  func aMissingRepeatedOrMistypedFieldIsNamed(_ field: String) throws {
    let text = String(decoding: example.encoded(), as: UTF8.self)
    let part = try #require(text.firstMatch(of: try Regex("\"\(field)\":(\"[^\"]*\"|[0-9]+),?")))
    var without = text.replacingCharacters(in: part.range, with: "")
    without = without.replacingOccurrences(of: ",}", with: "}")
    #expect(failure(Array(without.utf8)) == .malformed("\(field) is missing"))

    let value = String(part[1].substring!)
    let twice = text.replacingOccurrences(of: "{", with: "{\"\(field)\":\(value),")
    #expect(failure(Array(twice.utf8)) == .malformed("\(field) is there twice"))

    let isText = value.hasPrefix("\"")
    for other in [
      "null", "true", "[]", "{}", "1.5", "1e3", "99999999999999999999", isText ? "1" : "\"1\"",
    ] {
      let mistyped = Array(
        text.replacingOccurrences(of: "\"\(field)\":\(value)", with: "\"\(field)\":\(other)").utf8)
      #expect(
        failure(mistyped) == .malformed("\(field) is not a \(isText ? "string" : "whole number")"))
    }
  }

  @Test(arguments: ["activity", "slot", "seq", "epoch", "time"], ["0", "-1", "9007199254740992"])
  func aNumberOutOfRangeIsNamed(_ field: String, _ value: String) throws {
    let text = String(decoding: example.encoded(), as: UTF8.self)
    let part = try #require(text.firstMatch(of: try Regex("\"\(field)\":[0-9]+")))
    let bytes = Array(text.replacingCharacters(in: part.range, with: "\"\(field)\":\(value)").utf8)
    #expect(failure(bytes) == .malformed("\(field) is not within 1 to 2^53 - 1"))
  }

  @Test(
    arguments: ["user\":\"ann", "request\":\"r-1"],
    ["", "a b", "ü", "a\\u0000", "a\\n", String(repeating: "a", count: 65)])
  func anIdOutsideOfItsRuleIsNamed(_ piece: String, _ value: String) throws {
    let field = String(piece.prefix { $0 != "\"" })
    let bytes = try changed(piece, "\(field)\":\"\(value)")
    #expect(failure(bytes) == .malformed("\(field) is not \(Identifier.rule)"))
  }

  @Test func whatIsNoJSONObjectIsMalformed() throws {
    for text in ["", "x", "[]", "{", "{}x", "\u{FEFF}{}", "null"] {
      guard case .malformed(let reason) = failure(Array(text.utf8)) else {
        Issue.record("decoded: \(text)")
        continue
      }
      #expect(reason.hasPrefix("not a JSON object: "))
    }
    #expect(failure(Array("{}".utf8)) == .malformed("v is missing"))
    var invalid = try changed("ann", "a")
    invalid[try #require(invalid.firstRange(of: Array("a\"".utf8))).lowerBound] = 0xff
    #expect(failure(invalid)?.description.contains("not UTF-8") == true)
    let long = try changed("{", "{\"note\":\"\(String(repeating: "x", count: 1_024))\",")
    #expect(failure(long) == .malformed("\(long.count) bytes are too many"))
  }

  @Test func anotherVersionOrTypeIsNotMalformed() throws {
    #expect(failure(try changed("\"v\":1", "\"v\":2")) == .newerVersion(2))
    // A newer layout may have changed everything else.
    #expect(failure(Array(#"{"v":7,"slot":"many"}"#.utf8)) == .newerVersion(7))
    #expect(failure(try changed("claimed", "moved")) == .unknownType("moved"))
    #expect(failure(Array(#"{"v":1,"type":"traded","epoch":2}"#.utf8)) == .unknownType("traded"))
    #expect(failure(try changed("claimed", "Claimed")) == .unknownType("Claimed"))
    #expect(failure(try changed("\"v\":1", "\"v\":0")) == .malformed("v 0 is unknown"))
    #expect(failure(try changed("\"v\":1", "\"v\":-1")) == .malformed("v -1 is unknown"))
    #expect(
      StockEvent.DecodingFailure.newerVersion(2).description == "version 2, this reader knows 1")
    #expect(
      StockEvent.DecodingFailure.unknownType("x").description
        == "type 'x' is unknown to this reader")
  }

  @Test func mutationsNeverTrapAndWhatDecodesEncodesToAnEqualEvent() throws {
    var random = Seeded(2)
    var kinds: [String: Int] = [:]
    for _ in 0..<10_000 {
      let bytes = mutated(example.encoded(), &random)
      do {
        let event = try StockEvent.decode(bytes)
        #expect(try StockEvent.decode(event.encoded()) == event)
        kinds["decoded", default: 0] += 1
      } catch {
        switch error {
        case .malformed: kinds["malformed", default: 0] += 1
        case .newerVersion: kinds["newer", default: 0] += 1
        case .unknownType: kinds["type", default: 0] += 1
        }
      }
    }
    for kind in ["decoded", "malformed", "newer", "type"] { #expect(kinds[kind, default: 0] > 0) }
  }
}

@Suite struct BarrierTests {
  @Test func aBarrierIsReadAsItWasWritten() throws {
    let barrier = Barrier(epoch: 2, timeMs: 1_767_225_600_000)
    #expect(
      String(decoding: barrier.encoded(), as: UTF8.self)
        == #"{"v":1,"type":"barrier","epoch":2,"time":1767225600000}"#)
    #expect(try TopicRecord.decode(barrier.encoded()) == .barrier(barrier))
  }

  @Test(arguments: [
    (#"{"v":1,"type":"barrier","time":1}"#, "epoch is missing"),
    (#"{"v":1,"type":"barrier","epoch":0,"time":1}"#, "epoch is not within 1 to 2^53 - 1"),
    (#"{"v":1,"type":"barrier","epoch":"2","time":1}"#, "epoch is not a whole number"),
    (#"{"v":1,"type":"barrier","epoch":2}"#, "time is missing"),
  ])
  func aBrokenOneNamesTheField(_ text: String, _ reason: String) {
    #expect(throws: StockEvent.DecodingFailure.malformed(reason)) {
      try TopicRecord.decode(Array(text.utf8))
    }
  }

  @Test func aBarrierIsNoEvent() {
    #expect(throws: StockEvent.DecodingFailure.malformed("a barrier is no event")) {
      try StockEvent.decode(Barrier(epoch: 2, timeMs: 1).encoded())
    }
  }
}

@Suite struct LockKeyTests {
  @Test(arguments: [Int64(1), 17, 10_000_000])
  func aLockKeyIsReadAsItWasWritten(_ number: Int64) throws {
    let id = try #require(ActivityID((1 << 53) - 1))
    let named = try #require(slot(ofLockKey: Array(lockKey(id, number).utf8)))
    #expect(named.activity == id && named.number == number)
  }

  @Test(arguments: [
    "", "1", "1_", "_2", "1_2_3", "1_02", "01_2", "0_1", "1_0", "1_10000001", "barrier-3",
  ])
  func anythingElseIsNone(_ text: String) {
    #expect(slot(ofLockKey: Array(text.utf8)) == nil)
  }
}
