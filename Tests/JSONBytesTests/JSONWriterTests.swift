import Foundation
import JSONBytes
import TestSupport
import Testing

@Suite struct JSONWriterTests {
  private func written(_ body: (inout JSONWriter) -> Void) -> String {
    var json = JSONWriter()
    body(&json)
    return String(decoding: json.bytes, as: UTF8.self)
  }

  @Test func putsCommasBetweenAndNowhereElse() {
    let text = written { json in
      json.beginObject()
      json.field("a", 1)
      json.key("b")
      json.beginArray()
      json.beginArray()
      json.endArray()
      json.beginObject()
      json.endObject()
      json.bool(false)
      json.null()
      json.string("x")
      json.raw(Array("[7]".utf8))
      json.endArray()
      json.field("c", true)
      json.key(String("d"))
      json.beginObject()
      json.field("e", "f")
      json.endObject()
      json.endObject()
    }
    #expect(text == #"{"a":1,"b":[[],{},false,null,"x",[7]],"c":true,"d":{"e":"f"}}"#)
  }

  @Test func writesIntegersOfEveryWidthAndSign() {
    func text(_ value: some BinaryInteger) -> String { written { $0.integer(value) } }
    #expect(text(0) == "0")
    #expect(text(-1) == "-1")
    #expect(text(Int64.min) == "-9223372036854775808")
    #expect(text(Int64.max) == "9223372036854775807")
    #expect(text(UInt64.max) == "18446744073709551615")
    #expect(text(Int8.min) == "-128")
    #expect(text(UInt8.max) == "255")
    #expect(text(100) == "100")
  }

  @Test(arguments: [
    (0.0, 3, "0.000"), (-0.0, 3, "0.000"), (1.0005, 2, "1.00"), (1.5, 0, "2"), (2.5, 0, "3"),
    (0.0004, 3, "0.000"), (-0.0004, 3, "0.000"), (-0.0006, 3, "-0.001"), (0.9996, 3, "1.000"),
    (12.0625, 4, "12.0625"), (1.05, 1, "1.1"), (-3.25, 2, "-3.25"),
    (0.000_000_001, 9, "0.000000001"),
    (123_456_789.125, 3, "123456789.125"), (4_398_046_511_103.999, 3, "4398046511103.999"),
    (.infinity, 3, "null"), (-.infinity, 3, "null"), (.nan, 3, "null"),
    (1e16, 3, "1e+16"), (-1e300, 9, "-1e+300"),
    (.greatestFiniteMagnitude, 3, "1.7976931348623157e+308"), (.leastNonzeroMagnitude, 3, "0.000"),
  ])
  func writesDoubles(_ value: Double, _ decimals: Int, _ expected: String) {
    #expect(written { $0.number(value, decimals: decimals) } == expected)
  }

  @Test func randomDoublesStayWithinHalfAUnitOfTheLastDigit() throws {
    var random = Seeded(17)
    for _ in 0..<10_000 {
      let value =
        Double.random(in: -1...1, using: &random) * pow(10, .random(in: 0...14, using: &random))
      let decimals = Int.random(in: 0...9, using: &random)
      let text = written { $0.number(value, decimals: decimals) }
      let read = try #require(Double(text))
      #expect(abs(read - value) <= 0.5 * pow(10, -Double(decimals)) + value.magnitude * 1e-15)
    }
  }

  @Test func escapesWhatJSONAsksForAndKeepsTheRest() {
    #expect(
      written { $0.string("a\"b\\c\nd\re\tf\u{0}g\u{1f}h\u{7f}/ü\u{1F600}") }
        == #""a\"b\\c\nd\u000de\u0009f\u0000g\u001fh\u007f/ü😀""#)
    #expect(written { $0.string("") } == #""""#)
    var json = JSONWriter()
    json.beginObject()
    json.key("a\"b" as String)
    json.null()
    json.endObject()
    #expect(String(decoding: json.bytes, as: UTF8.self) == #"{"a\"b":null}"#)
  }

  @Test func anIndependentReaderReadsEveryCharacterBack() throws {
    let scalars = (0...0x3000).compactMap(Unicode.Scalar.init)
    let text = String(String.UnicodeScalarView(scalars)) + "\u{10FFFF}\u{2028}"
    var json = JSONWriter()
    json.beginObject()
    json.field("text", text)
    json.endObject()
    let read = try JSONSerialization.jsonObject(with: Data(json.bytes)) as? [String: String]
    #expect(read?["text"] == text)
  }
}
