import Foundation
import TestSupport

/// The topic of events as anybody reads and writes it who is no service: with kcat.
struct Topic {
  struct Record: Hashable {
    let partition: Int
    let offset: Int
    let key: [UInt8]?
    let payload: [UInt8]?
  }

  let bootstrap: String
  let name: String

  init(_ sale: Sale) {
    (bootstrap, name) = (sale.ground.stack.kafkaBootstrap, sale.deployment.topic)
  }

  /// All that is in it now, each partition in its order.
  func records() throws -> [Record] {
    let reader = try Subprocess(
      "kcat",
      [
        "-C", "-q", "-e", "-b", bootstrap, "-t", name, "-o", "beginning",
        "-f", "%p %o %K %S\\n%k%s\\n",
      ])
    let status = try reader.wait(within: 60)
    guard status.isSuccess else { throw TestSupportError("kcat \(status): \(reader.errorOutput)") }
    return try Self.parse([UInt8](Data(contentsOf: URL(fileURLWithPath: reader.outputPath))))
  }

  /// Reads `PARTITION OFFSET KEYLENGTH LENGTH`, a line end, key and payload, a line end; a length of −1 is a null.
  static func parse(_ bytes: [UInt8]) throws -> [Record] {
    var rest = bytes[...]
    var records: [Record] = []
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      let head = String(decoding: rest[..<end], as: UTF8.self).split(separator: " ")
        .compactMap { Int($0) }
      rest = rest[(end + 1)...]
      guard head.count == 4, rest.count > max(0, head[2]) + max(0, head[3]) else {
        throw TestSupportError("kcat's output is broken after \(records.count) records")
      }
      func take(_ length: Int) -> [UInt8]? {
        guard length >= 0 else { return nil }
        defer { rest = rest.dropFirst(length) }
        return Array(rest.prefix(length))
      }
      records.append(
        Record(partition: head[0], offset: head[1], key: take(head[2]), payload: take(head[3])))
      rest = rest.dropFirst()
    }
    return records
  }

  /// Adds one record of any bytes: an absent payload is a null, an absent key none.
  func add(_ payload: [UInt8]?, key: String?, to partition: Int, folder: String) throws {
    let path = folder + "/record"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(payload ?? []).write(to: URL(fileURLWithPath: path))
    try Subprocess.run(
      "kcat",
      Self.producing + ["-b", bootstrap, "-t", name, "-p", "\(partition)"]
        + (key.map { ["-k", $0] } ?? []) + (payload == nil ? ["-Z"] : []) + [path])
  }

  /// Adds copies, each to the partition that its record was in, those of one partition in the order given.
  ///
  /// Only of what our services write: with a key, and without a line end.
  func add(_ records: [Record], folder: String) throws {
    let path = folder + "/records"
    defer { try? FileManager.default.removeItem(atPath: path) }
    for (partition, its) in Dictionary(grouping: records, by: \.partition) {
      var text: [UInt8] = []
      for record in its {
        guard let key = record.key, let payload = record.payload,
          !payload.contains(UInt8(ascii: "\n"))
        else { throw TestSupportError("not a record of ours: \(record)") }
        text += key + [UInt8(ascii: "\t")] + payload + [UInt8(ascii: "\n")]
      }
      try Data(text).write(to: URL(fileURLWithPath: path))
      let writer = try Subprocess(
        "kcat",
        Self.producing + ["-b", bootstrap, "-t", name, "-p", "\(partition)", "-K", "\\t"],
        input: path)
      let status = try writer.wait(within: 60)
      guard status.isSuccess else {
        throw TestSupportError("kcat \(status): \(writer.errorOutput)")
      }
    }
  }

  private static let producing = ["-P", "-X", "acks=all", "-X", "message.max.bytes=4000000"]
}
