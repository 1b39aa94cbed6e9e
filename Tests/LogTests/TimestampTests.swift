import Foundation
import Log
import Testing

@Suite struct TimestampTests {
  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00.000Z"), (1_767_225_600_000, "2026-01-01T00:00:00.000Z"),
      (1_767_225_599_999, "2025-12-31T23:59:59.999Z"),
      (951_782_400_007, "2000-02-29T00:00:00.007Z"),
      (-1, "1969-12-31T23:59:59.999Z"), (-1_000, "1969-12-31T23:59:59.000Z"),
      (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
      (253_402_300_800_000, "10000-01-01T00:00:00.000Z"),
    ] as [(Int64, String)])
  func isUTCWithMilliseconds(_ ms: Int64, _ expected: String) {
    #expect(timestamp(ms: ms) == expected)
  }

  @Test func agreesWithFoundation() throws {
    let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    for _ in 0..<1_000 {
      let ms = Int64.random(in: 0...4_102_444_800_000)
      let date = try Date(timestamp(ms: ms), strategy: style)
      #expect(Int64((date.timeIntervalSince1970 * 1_000).rounded()) == ms)
    }
  }
}
