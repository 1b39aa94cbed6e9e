public import Foundation

/// Lines of a service's log that tell of an event, as dictionaries; what is no JSON is left out.
public func logLines(of event: String, in log: String) -> [[String: any Sendable]] {
  log.split(separator: "\n").filter { $0.contains("\"event\":\"\(event)\"") }.compactMap { line in
    (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: any Sendable]
  }
}

/// When a line of a service's log was written, by its own wall clock; nil when it is no such line.
public func logTime(of line: some StringProtocol) -> Date? {
  guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)),
    let time = (object as? [String: Any])?["time"] as? String
  else { return nil }
  return try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(time)
}
