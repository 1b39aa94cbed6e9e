import Glibc
import JSONBytes
import Log

/// What commands print: lines of `name: value`, or one JSON object.
struct Output {
  let asJSON: Bool

  func object(_ fields: [(key: String, value: LogValue)]) {
    if asJSON {
      var json = JSONWriter()
      LogValue.object(fields).write(to: &json)
      print(String(decoding: json.bytes, as: UTF8.self))
      return
    }
    let width = fields.map(\.key.count).max() ?? 0
    for (key, value) in fields {
      print("\(key)\(String(repeating: " ", count: width - key.count))  \(Self.plain(value))")
    }
  }

  /// Rows with the same fields.
  func table(_ rows: [[(key: String, value: LogValue)]], empty: String) {
    if asJSON {
      for row in rows { object(row) }
      return
    }
    guard let first = rows.first else { return print(empty) }
    let lines = [first.map(\.key)] + rows.map { $0.map { Self.plain($0.value) } }
    let widths = first.indices.map { column in lines.map { $0[column].count }.max()! }
    for line in lines {
      let cells = zip(line, widths).map { cell, width in
        cell + String(repeating: " ", count: width - cell.count)
      }
      print(cells.joined(separator: "  "))
    }
  }

  private static func plain(_ value: LogValue) -> String {
    switch value {
    case .string(let text): return text
    case .integer(let number): return String(number)
    case .bool(let flag): return flag ? "yes" : "no"
    case .number, .object, .array:
      var json = JSONWriter()
      value.write(to: &json)
      return String(decoding: json.bytes, as: UTF8.self)
    }
  }
}
