import Foundation
import JSONBytes

/// Our reader of JSON against itself, our writer, and Foundation's reader.
enum JSONJudge {
  static func judge(_ input: [UInt8]) {
    var fields: [(name: String, value: JSONValue)] = []
    do throws(JSONSyntaxError) {
      try JSONReader.object(input) { fields.append(($0, $1)) }
    } catch {
      demand((0...input.count).contains(error.offset), "an error at \(error.offset)")
      demand(!error.reason.isEmpty && error.reason.utf8.count < 60, error.reason)
      return
    }
    judgeWritten(fields)
    judgeByFoundation(input, fields)
  }

  /// What was read, written down and read again, is the same; what is nested is not kept.
  private static func judgeWritten(_ fields: [(name: String, value: JSONValue)]) {
    var json = JSONWriter()
    json.beginObject()
    for (name, value) in fields {
      json.key(name)
      switch value {
      case .string(let text): json.string(text)
      case .integer(let number): json.integer(number)
      case .number(let text): json.raw(Array(text.utf8))
      case .bool(let flag): json.bool(flag)
      case .null: json.null()
      case .nested: json.raw(Array("[{}]".utf8))
      }
    }
    json.endObject()
    var again: [(name: String, value: JSONValue)] = []
    do throws(JSONSyntaxError) {
      try JSONReader.object(json.bytes) { again.append(($0, $1)) }
    } catch {
      demand(false, "written down it is refused: \(error)")
    }
    demand(again.elementsEqual(fields, by: ==), "\(fields) became \(again)")
  }

  /// What ours reads, Foundation reads with the same meaning; its own limit are numbers beyond a Double.
  private static func judgeByFoundation(
    _ input: [UInt8], _ fields: [(name: String, value: JSONValue)]
  ) {
    let hasBigNumber = input.contains(UInt8(ascii: "e")) || input.contains(UInt8(ascii: "E"))
    guard let object = try? JSONSerialization.jsonObject(with: Data(input)) as? [String: Any] else {
      demand(hasBigNumber || input.count > 300, "Foundation refuses it")
      return
    }
    let byName = Dictionary(grouping: fields) { $0.name }
    demand(object.count == byName.count, "Foundation has \(object.count) of \(byName.count) names")
    for (name, same) in byName where same.count == 1 {
      let other = object[name]
      let isSame =
        switch same[0].value {
        case .string(let text): other as? String == text
        case .integer(let number): (other as? NSNumber)?.int64Value == number
        case .number: other is NSNumber
        case .bool(let flag): other as? Bool == flag
        case .null: other is NSNull
        case .nested: other is [Any] || other is [String: Any]
        }
      demand(isSame, "\(name.debugDescription) is \(String(describing: other)) to Foundation")
    }
  }
}
