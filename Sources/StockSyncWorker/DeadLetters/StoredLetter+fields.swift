import Log
import Stock

extension StoredLetter {
  /// As a line of a list.
  var row: [(key: String, value: LogValue)] {
    [
      ("partition", .int(partition)), ("offset", .integer(offset)),
      ("reason", .string(reason)),
      ("activity", .string(slot?.activity.description ?? "")),
      ("slot", .string(slot.map { String($0.number) } ?? "")),
      ("firstSeen", .string(timestamp(ms: firstSeenMs))),
      ("resolution", .string(resolution.rawValue)),
      ("resolvedBy", .string(resolvedBy ?? "")), ("detail", .string(detail)),
    ]
  }

  /// All that is kept of it.
  var fields: [(key: String, value: LogValue)] {
    row + [
      ("resolvedAt", .string(resolvedMs.map { timestamp(ms: $0) } ?? "")),
      ("note", .string(note ?? "")),
      ("key", .string(key.map { String(decoding: $0, as: UTF8.self) } ?? "")),
      ("payload", .string(payload.map { String(decoding: $0, as: UTF8.self) } ?? "")),
    ]
  }
}
