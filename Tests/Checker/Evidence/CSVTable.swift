/// A table as COPY writes it with FORCE_QUOTE: what is not quoted is NULL.
struct CSVTable {
  let path: String
  private let columns: [String: Int]
  private let rows: [[String?]]

  init(path: String) throws {
    self.path = path
    let all = try Self.parse([UInt8](try readFile(path)), path)
    guard let head = all.first else { throw Unreadable("\(path): no head") }
    var columns: [String: Int] = [:]
    for (index, name) in head.enumerated() { columns[name ?? ""] = index }
    guard all.allSatisfy({ $0.count == head.count }) else {
      throw Unreadable("\(path): rows of different lengths")
    }
    self.columns = columns
    rows = Array(all.dropFirst())
  }

  /// One row by names of columns.
  struct Row {
    fileprivate let path: String
    fileprivate let columns: [String: Int]
    fileprivate let values: [String?]

    func optional(_ name: String) throws -> String? {
      guard let column = columns[name] else { throw Unreadable("\(path): no column \(name)") }
      return values[column]
    }

    func text(_ name: String) throws -> String {
      guard let value = try optional(name) else { throw Unreadable("\(path): \(name) is NULL") }
      return value
    }

    func int(_ name: String) throws -> Int {
      let value = try text(name)
      guard let number = Int(value) else {
        throw Unreadable("\(path): \(name) is '\(value)', no number")
      }
      return number
    }

    /// A bytea in its hex form.
    func bytes(_ name: String) throws -> [UInt8]? {
      guard let value = try optional(name) else { return nil }
      let digits = Array(value.utf8)
      guard value.hasPrefix("\\x"), digits.count % 2 == 0 else {
        throw Unreadable("\(path): \(name) is no bytea")
      }
      return try stride(from: 2, to: digits.count, by: 2).map { index in
        guard
          let byte = UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16)
        else { throw Unreadable("\(path): \(name) is no bytea") }
        return byte
      }
    }
  }

  func map<Value>(_ read: (Row) throws -> Value) throws -> [Value] {
    try rows.map { try read(Row(path: path, columns: columns, values: $0)) }
  }

  private static func parse(_ bytes: [UInt8], _ path: String) throws -> [[String?]] {
    let (quote, comma, feed) = (UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: "\n"))
    var rows: [[String?]] = []
    var row: [String?] = []
    var at = 0
    while at < bytes.count {
      if bytes[at] == quote {
        var value: [UInt8] = []
        at += 1
        while true {
          guard at < bytes.count else { throw Unreadable("\(path): cut off in a value") }
          if bytes[at] != quote {
            value.append(bytes[at])
          } else if at + 1 < bytes.count, bytes[at + 1] == quote {
            value.append(quote)
            at += 1
          } else {
            break
          }
          at += 1
        }
        at += 1
        row.append(String(decoding: value, as: UTF8.self))
      } else {
        let end = bytes[at...].firstIndex { $0 == comma || $0 == feed } ?? bytes.count
        // The head is not quoted.
        row.append(end == at ? nil : String(decoding: bytes[at..<end], as: UTF8.self))
        at = end
      }
      guard at < bytes.count else { throw Unreadable("\(path): cut off at its end") }
      if bytes[at] == feed {
        rows.append(row)
        row = []
      } else if bytes[at] != comma {
        throw Unreadable("\(path): no comma at byte \(at)")
      } else if at + 1 == bytes.count || bytes[at + 1] == feed {
        row.append(nil)  // A NULL at the end of its row.
        at += 1
        guard at < bytes.count else { throw Unreadable("\(path): cut off at its end") }
        rows.append(row)
        row = []
      }
      at += 1
    }
    return rows
  }
}
