import Foundation
import Testing

@testable import Configuration

/// The README's table is the list in the code. `UPDATE_README=1` writes it anew instead of comparing.
@Suite struct ReadmeTests {
  private static let begin = "<!-- configuration:begin -->\n"
  private static let end = "<!-- configuration:end -->"

  @Test func theConfigurationTableIsTheListInTheCode() throws {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appending(path: "../../README.md")
    let text = try String(contentsOf: url, encoding: .utf8)
    let first = try #require(text.firstRange(of: Self.begin)).upperBound
    let last = try #require(text.firstRange(of: Self.end)).lowerBound
    let expected = ConfigKey.markdownTable()
    if ProcessInfo.processInfo.environment["UPDATE_README"] == "1" {
      let updated = text.replacingCharacters(in: first..<last, with: expected)
      try updated.write(to: url, atomically: true, encoding: .utf8)
      return
    }
    #expect(
      String(text[first..<last]) == expected,
      "UPDATE_README=1 swift test --filter ReadmeTests writes it anew")
  }
}
