import Foundation
import TestSupport
import Testing

/// The operators' page names every alarm that the code can raise, and no other.
@Suite struct OperatingPageTests {
  @Test func everyAlarmIsExplained() throws {
    let page = try String(
      contentsOfFile: "\(projectDirectory)/deploy/docs/operating.md", encoding: .utf8)
    let table = try #require(
      page.components(separatedBy: "<!-- alarms:begin -->").last?
        .components(separatedBy: "<!-- alarms:end -->").first)
    let explained = table.split(separator: "\n").compactMap { line -> String? in
      line.hasPrefix("| `") ? line.split(separator: "`")[1].description : nil
    }
    #expect(Set(explained).count == explained.count)
    #expect(try Set(explained) == Self.alarms())
  }

  /// Events in the sources that are logged as alarms: `log.alarm("name"`, or with the level chosen just before, or handed
  /// on as `event: "name"`.
  private static func alarms() throws -> Set<String> {
    let pattern = try Regex(#"(?:\.?alarm\(|\.alarm\b[^"\n]{0,40},|\bevent:)\s*"([a-z_]+)""#)
    let sources = URL(fileURLWithPath: "\(projectDirectory)/Sources")
    let files = try #require(
      FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
    var names: Set<String> = []
    for case let file as URL in files where file.pathExtension == "swift" {
      let text = try String(contentsOf: file, encoding: .utf8)
      for match in text.matches(of: pattern) {
        names.insert(String(try #require(match.output[1].substring)))
      }
    }
    // What cannot be found is no proof: these are there for certain.
    #expect(names.isSuperset(of: ["fenced", "lease_lost", "corruption"]))
    return names
  }
}
