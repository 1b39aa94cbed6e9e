import Foundation
import TestSupport

/// An answer in the crowd's record, as far as a fault's evidence needs it.
struct ToldLine: Sendable {
  /// On the monotonic clock.
  let sentUs: Int64
  let answeredUs: Int64
  /// Which DrawService was asked, from 0.
  let service: Int
  /// `claimed`, `refused`, `unknown`, …
  let answer: String

  private struct Line: Decodable {
    let sentUs, latencyUs: Int64
    let service: Int
    let answer: String
  }

  /// All of a record, whose times count from `fromUs`.
  static func read(_ path: String, fromUs: Int64) throws -> [ToldLine] {
    guard let text = readFile(path) else { throw TestSupportError("\(path) cannot be read") }
    let decoder = JSONDecoder()
    return try text.split(separator: "\n").map { line in
      let line = try decoder.decode(Line.self, from: Data(line.utf8))
      return ToldLine(
        sentUs: fromUs + line.sentUs, answeredUs: fromUs + line.sentUs + line.latencyUs,
        service: line.service, answer: line.answer)
    }
  }
}
