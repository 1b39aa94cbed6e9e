import Configuration
import Stock

/// An activity as `activity create` was asked for it.
struct ActivityTerms: Equatable {
  enum Opening: Equatable {
    case now
    case at(Int64)
  }
  enum Closing: Equatable {
    case at(Int64)
    case after(Int64)
  }

  static let nameLimit = 200

  let id: ActivityID
  let name: String
  let stock: Int64
  let limit: Int64
  let opens: Opening
  let closes: Closing

  init(_ configuration: Configuration) throws(ConfigError) {
    id = try Self.id(configuration)
    name = try configuration.required("name")
    guard name.count <= Self.nameLimit, name.unicodeScalars.allSatisfy({ $0.value >= 32 }) else {
      throw ConfigError("name is not 1 to \(Self.nameLimit) characters without control characters")
    }
    _ = try configuration.required("stock")
    stock = Int64(configuration.int("stock"))
    limit = Int64(configuration.int("limit"))
    let opening = try configuration.required("opens")
    if opening == "now" {
      opens = .now
    } else if let ms = TimeText.milliseconds(opening) {
      opens = .at(ms)
    } else {
      throw ConfigError(
        "opens '\(Configuration.shown(opening))' is neither now nor a time like 2026-01-31T20:00:00Z"
      )
    }
    let closing = try configuration.required("closes")
    if let ms = TimeText.milliseconds(closing) {
      closes = .at(ms)
    } else if let ms = TimeText.durationMs(closing) {
      closes = .after(ms)
    } else {
      throw ConfigError(
        "closes '\(Configuration.shown(closing))' is neither a time like 2026-01-31T20:00:00Z nor a duration like +2h"
      )
    }
  }

  static func id(_ configuration: Configuration, _ key: String = "id") throws(ConfigError)
    -> ActivityID
  {
    let text = try configuration.required(key)
    guard let id = ActivityID(text: text) else {
      throw ConfigError(
        "\(key) '\(Configuration.shown(text))' is not a number from 1 to \(ActivityID.range.upperBound)"
      )
    }
    return id
  }

  /// The row to insert, if the window is one.
  func row(nowMs: Int64) throws(ConfigError) -> ActivityRow {
    let opensMs = opensMs(nowMs: nowMs)
    let closesMs = closesMs(opensMs: opensMs)
    guard closesMs > opensMs else { throw ConfigError("closes is not after opens") }
    return ActivityRow(
      id: id.value, name: name, total: stock, surplus: stock, limit: limit, opensMs: opensMs,
      closesMs: closesMs, state: "preparing")
  }

  /// The first field in which an existing activity is another one; nil when it is this one.
  ///
  /// 'Now' is any time up to now, and a duration counts from the existing opening.
  func difference(from row: ActivityRow, nowMs: Int64) -> String? {
    if row.name != name { return "name" }
    if row.total != stock { return "stock" }
    if row.limit != limit { return "limit" }
    if opens == .now ? row.opensMs > nowMs : row.opensMs != opensMs(nowMs: nowMs) {
      return "opens"
    }
    if row.closesMs != closesMs(opensMs: row.opensMs) { return "closes" }
    return nil
  }

  private func opensMs(nowMs: Int64) -> Int64 {
    switch opens {
    case .now: nowMs
    case .at(let ms): ms
    }
  }

  private func closesMs(opensMs: Int64) -> Int64 {
    switch closes {
    case .at(let ms): ms
    case .after(let ms): opensMs + ms
    }
  }
}
