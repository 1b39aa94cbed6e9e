@testable import StockSyncWorker

/// Times of the command line against the calendar's own arithmetic.
enum TimeJudge {
  static func judge(_ text: String) {
    // `--closes=…` as well as a word alone.
    let value = text.split(separator: "=", maxSplits: 1).last.map(String.init) ?? text
    if let ms = TimeText.milliseconds(value) {
      demand((0..<253_402_300_800_000).contains(ms), "\(value) is \(ms)")
      demand(written(ms, withMs: value.utf8.count == 24) == value, "\(value) is \(ms)")
    }
    if let ms = TimeText.durationMs(value) {
      demand((1...3_650 * 86_400_000).contains(ms) && ms % 1_000 == 0, "\(value) is \(ms)")
    }
  }

  /// As the text should have been; the days by Howard Hinnant's `civil_from_days`.
  private static func written(_ ms: Int64, withMs: Bool) -> String {
    let shifted = ms / 86_400_000 + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    let rest = ms % 86_400_000
    let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    let time =
      "\(padded(rest / 3_600_000, 2)):\(padded(rest / 60_000 % 60, 2)):\(padded(rest / 1_000 % 60, 2))"
    return "\(date)T\(time)\(withMs ? "." + padded(rest % 1_000, 3) : "")Z"
  }

  private static func padded(_ number: Int64, _ digits: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }
}
