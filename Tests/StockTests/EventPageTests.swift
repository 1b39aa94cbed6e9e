import Foundation
import JSONBytes
import Stock
import Testing

/// The page that writes the event's layout down, and the code that writes and reads it, are held together.
@Suite struct EventPageTests {
  private func section() throws -> String {
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appending(path: "../../deploy/docs/architecture.md")
    let text = try String(contentsOf: page, encoding: .utf8)
    let begin = try #require(text.firstRange(of: "<!-- event:begin -->"))
    let end = try #require(text.firstRange(of: "<!-- event:end -->"))
    return String(text[begin.upperBound..<end.lowerBound])
  }

  private func exampleOnThePage() throws -> [UInt8] {
    let match = try #require(try section().firstMatch(of: /```json\n(.*)\n```/))
    return Array(match.1.utf8)
  }

  @Test func theExampleIsWhatTheCodeWritesAndReads() throws {
    let bytes = try exampleOnThePage()
    let event = try StockEvent.decode(bytes)
    #expect(event == example)
    #expect(
      String(decoding: event.encoded(), as: UTF8.self) == String(decoding: bytes, as: UTF8.self))
    #expect(try section().contains("`\(String(decoding: event.key, as: UTF8.self))`"))
  }

  @Test func theTableNamesEveryFieldInOrder() throws {
    let rows = try section().matches(of: /\n\| `([a-z]+)` \|/).map { String($0.1) }
    var fields: [String] = []
    try JSONReader.object(example.encoded()) { name, _ in fields.append(name) }
    #expect(rows == fields)
  }
}
