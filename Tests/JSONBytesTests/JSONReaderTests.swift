import Foundation
import JSONBytes
import TestSupport
import Testing

/// The fields of an object in order.
private func fields(_ bytes: [UInt8]) throws -> [(name: String, value: JSONValue)] {
  var fields: [(String, JSONValue)] = []
  try JSONReader.object(bytes) { fields.append(($0, $1)) }
  return fields
}

private func value(_ text: String) throws -> JSONValue {
  try #require(try fields(Array(#"{"x":\#(text)}"#.utf8)).first).value
}

@Suite struct JSONReaderTests {
  @Test func readsEachKindInOrderAndRepeatedNamesToo() throws {
    let read = try fields(
      Array(
        " {\"a\" : \"b\",\n\t\"c\":-12, \"d\":1.5,\"e\":true,\"f\":false,\r\"g\":null,\"a\":[]} "
          .utf8))
    #expect(read.map(\.name) == ["a", "c", "d", "e", "f", "g", "a"])
    #expect(
      read.map(\.value) == [
        .string("b"), .integer(-12), .number("1.5"), .bool(true), .bool(false), .null, .nested,
      ])
    #expect(try fields(Array("{}".utf8)).isEmpty)
    #expect(try fields(Array("{ }".utf8)).isEmpty)
  }

  @Test(arguments: [
    ("0", JSONValue.integer(0)), ("-0", .integer(0)), ("9223372036854775807", .integer(.max)),
    ("-9223372036854775808", .integer(.min)),
    ("9223372036854775808", .number("9223372036854775808")), ("1.0", .number("1.0")),
    ("1e2", .number("1e2")), ("-1.5E+03", .number("-1.5E+03")), ("0e0", .number("0e0")),
    ("1E-9", .number("1E-9")), (#""""#, .string("")),
    (#""\u00fc\/\b\f\n\r\t\"\\""#, .string("ü/\u{8}\u{c}\n\r\t\"\\")),
    (#""\ud83d\ude00""#, .string("😀")), (#""\uD800\uDC00""#, .string("\u{10000}")),
    (#""\udbff\udfff""#, .string("\u{10FFFF}")), (#""\u0000""#, .string("\u{0}")),
    (#"{"a":[1,{"b":null}],"c":"\n"}"#, .nested), ("[1,2,[3],{}]", .nested), ("[ ]", .nested),
  ])
  func reads(_ text: String, _ expected: JSONValue) throws {
    #expect(try value(text) == expected)
  }

  @Test(arguments: [
    ("", "expected '{'"), (" ", "expected '{'"), ("[]", "expected '{'"), ("1", "expected '{'"),
    ("\u{FEFF}{}", "expected '{'"), ("{", "expected '\"'"), ("{}x", "more after the object"),
    ("{}{}", "more after the object"), (#"{"a"}"#, "expected ':'"), (#"{"a":}"#, "not a value"),
    (#"{"a":"#, "a value is missing"), (#"{"a":1"#, "expected ','"),
    (#"{"a":1,}"#, "expected '\"'"),
    (#"{,"a":1}"#, "expected '\"'"), (#"{"a":1 "b":2}"#, "expected ','"),
    ("{a:1}", "expected '\"'"),
    (#"{"a":01}"#, "leading zero"), (#"{"a":-01}"#, "leading zero"),
    (#"{"a":-}"#, "a digit is missing"),
    (#"{"a":+1}"#, "not a value"), (#"{"a":.5}"#, "not a value"),
    (#"{"a":1.}"#, "a digit is missing"),
    (#"{"a":1e}"#, "a digit is missing"), (#"{"a":1e+}"#, "a digit is missing"),
    (#"{"a":0x1}"#, "expected ','"), (#"{"a":NaN}"#, "not a value"), (#"{"a":tru}"#, "not a value"),
    (#"{"a":True}"#, "not a value"), (#"{"a":nul"#, "not a value"),
    (#"{"a":truex}"#, "expected ','"),
    (#"{"a":'b'}"#, "not a value"), (#"{"a":"b}"#, "a string without end"),
    (#"{"a":"b\"#, "a string without end"), (#"{"a":"\x"}"#, "an unknown escape"),
    (#"{"a":"\u12"}"#, "not a hexadecimal digit"), (#"{"a":"\u1"#, "a short \\u escape"),
    (#"{"a":"\u００1１"}"#, "not a hexadecimal digit"),
    (#"{"a":"\u+123"}"#, "not a hexadecimal digit"),
    (#"{"a":"\ud83d"}"#, "half a surrogate pair"), (#"{"a":"\ude00"}"#, "half a surrogate pair"),
    (#"{"a":"\ud83d\n"}"#, "half a surrogate pair"),
    (#"{"a":"\ud83d\ud83d"}"#, "half a surrogate pair"),
    (#"{"a":"\ud83dx"}"#, "half a surrogate pair"), ("{\"a\":\"\n\"}", "a control character"),
    ("{\"a\":\"\\n\u{1}\"}", "a control character"), ("{\"\u{0}\":1}", "a control character"),
    (#"{"a":[1,]}"#, "not a value"), (#"{"a":[1 2]}"#, "expected ','"),
    (#"{"a":[}"#, "not a value"),
    (#"{"a":[1}"#, "expected ','"), (#"{"a":{"b":}}"#, "not a value"),
    ("{}\u{0}", "more after the object"),
    ("{\u{a0}}", "expected '\"'"), ("{}//", "more after the object"),
  ])
  func refuses(_ text: String, _ reason: String) throws {
    let error = #expect(throws: JSONSyntaxError.self) { try fields(Array(text.utf8)) }
    #expect(try #require(error).reason.contains(reason))
  }

  @Test(
    arguments: [
      [0x80], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xff],
      [0xe2, 0x82],
    ] as [[UInt8]])
  func refusesWhatIsNotUTF8(_ bytes: [UInt8]) {
    for prefix in ["", "\\n"] {  // with an escape it is another road
      let text = Array("{\"a\":\"\(prefix)".utf8) + bytes + Array("\"}".utf8)
      let error = #expect(throws: JSONSyntaxError.self) { try fields(text) }
      #expect(error?.reason == "not UTF-8")
    }
    #expect(throws: JSONSyntaxError.self) {
      try fields(Array("{\"".utf8) + bytes + Array("\":1}".utf8))
    }
  }

  @Test func saysWhereItStopped() {
    let error = #expect(throws: JSONSyntaxError.self) { try fields(Array(#"{"a":x}"#.utf8)) }
    #expect(error?.offset == 5)
    #expect(error.map { "\($0)" } == "not a value at byte 5")
  }

  @Test(arguments: [("[", "]"), (#"{"a":"#, "}")])
  func skipsUpToTheDepthAndNoDeeper(_ open: String, _ close: String) throws {
    func nested(_ depth: Int) -> [UInt8] {
      let inner =
        String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
      return Array("{\"x\":\(inner)}".utf8)
    }
    #expect(try fields(nested(JSONReader.maximumDepth)).first?.value == .nested)
    for depth in [JSONReader.maximumDepth + 1, 100_000] {
      let error = #expect(throws: JSONSyntaxError.self) { try fields(nested(depth)) }
      #expect(error?.reason == "nested too deep")
    }
  }

  @Test func everyPrefixOfAnObjectIsRefused() {
    let whole = Array(#"{"a":"b\u00fc","c":[1,{"d":true}],"e":-1.5e3}"#.utf8)
    for length in 0..<whole.count {
      #expect(throws: JSONSyntaxError.self) { try fields(Array(whole[..<length])) }
    }
  }

  /// Whatever we accept, an independent reader accepts too, and sees the same names and strings.
  @Test func mutatedTextsNeverTrapAndMeanTheSameToFoundation() throws {
    let original = Array(
      #"{"v":1,"type":"claimed","n":-12.5e-2,"s":"\u00fc\ud83d\ude00\n","a":[1,{"b":[]},null,true],"ü":"x"}"#
        .utf8)
    var random = Seeded(5)
    var accepted = 0
    for _ in 0..<20_000 {
      let bytes = mutated(original, &random)
      guard let read = try? fields(bytes) else { continue }
      accepted += 1
      let other = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
      guard let other else {
        Issue.record("accepted by us alone: \(String(decoding: bytes, as: UTF8.self))")
        continue
      }
      #expect(Set(read.map(\.name)) == Set(other.keys))
      let names = Dictionary(grouping: read, by: \.name)
      for (name, values) in names where values.count == 1 {
        if case .string(let text) = values[0].value { #expect(other[name] as? String == text) }
        if case .integer(let number) = values[0].value {
          #expect((other[name] as? NSNumber)?.int64Value == number)
        }
      }
    }
    #expect(accepted > 1_000)
  }
}
