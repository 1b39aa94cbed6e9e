import Checker
import Foundation
import TestSupport

/// The topic of events as anybody reads and writes it who is no service: with kcat.
struct Topic {
  struct Record: Hashable {
    let partition: Int
    let offset: Int
    let key: [UInt8]?
    let payload: [UInt8]?

    /// Whether it is in the layout of our events, with a key, on one line.
    var isOurs: Bool {
      guard let key, let payload, !key.isEmpty, !key.contains(where: Self.separators.contains),
        !payload.contains(UInt8(ascii: "\n")),
        let object = try? JSONSerialization.jsonObject(with: Data(payload)) as? [String: Any]
      else { return false }
      return object["v"] as? Int == 1
        && ["claimed", "released", "barrier"].contains(object["type"] as? String)
    }

    private static let separators: [UInt8] = [UInt8(ascii: "\t"), UInt8(ascii: "\n")]
  }

  let bootstrap: String
  let name: String

  init(_ sale: Sale) {
    (bootstrap, name) = (sale.ground.stack.kafkaBootstrap, sale.deployment.topic)
  }

  /// All that is in it now, each partition in its order.
  ///
  /// Up to the ends of this moment: while a topic is written to, `kcat -e` finds no end for as long as it takes.
  func records() throws -> [Record] {
    try ends().flatMap { partition, end -> [Record] in
      guard end > 0 else { return [] }
      let reader = try kcat([
        "-C", "-q", "-t", name, "-p", "\(partition)", "-o", "beginning", "-c", "\(end)",
        "-f", "%p %o %K %S\\n%k%s\\n",
      ])
      return try Self.parse([UInt8](Data(contentsOf: URL(fileURLWithPath: reader.outputPath))))
    }
  }

  /// Where each partition ends: the number of its records too, for nothing of it is ever deleted.
  private func ends() throws -> [(partition: Int, end: Int)] {
    let partitions = (0..<Deployment.partitions).flatMap { ["-t", "\(name):\($0):-1"] }
    let ends = try kcat(["-Q"] + partitions).output.split(separator: "\n").map(Self.end)
    guard ends.count == Deployment.partitions else {
      throw TestSupportError("kcat tells \(ends.count) ends of \(Deployment.partitions) partitions")
    }
    return ends
  }

  /// A line `topic [partition] offset end`.
  static func end(_ line: Substring) throws -> (partition: Int, end: Int) {
    let words = line.split(separator: " ")
    guard words.count == 4, let partition = Int(words[1].dropFirst().dropLast()),
      let end = Int(words[3])
    else { throw TestSupportError("kcat tells of an end of a partition as '\(line)'") }
    return (partition, end)
  }

  /// One run of kcat to its end.
  @discardableResult
  private func kcat(_ arguments: [String], input: String = "/dev/null") throws -> Subprocess {
    let process = try Subprocess("kcat", ["-b", bootstrap] + arguments, input: input)
    let status = try process.wait(within: 60)
    guard status.isSuccess else { throw TestSupportError("kcat \(status): \(process.errorOutput)") }
    return process
  }

  /// What a service has written, as far as can be seen: without what was planted, and with what it takes to be read.
  func ours(_ planted: [Round.Planted]) throws -> [Record] {
    let places = Set(planted.map { [$0.partition, $0.offset] })
    return try records().filter { $0.isOurs && !places.contains([$0.partition, $0.offset]) }
  }

  /// Events that are in it more than once.
  func doubled() throws -> Int {
    Dictionary(grouping: try records(), by: \.payload).values.filter { $0.count > 1 }.count
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

  /// Adds one record of any bytes; an absent payload is a null.
  func add(_ payload: [UInt8]?, key: String?, to partition: Int, folder: String) throws {
    let path = Self.freshFile(in: folder)
    defer { try? FileManager.default.removeItem(atPath: path) }
    guard let payload, !payload.isEmpty else {
      // kcat sends no empty file: a line with nothing behind the key.
      try Data("\(key ?? "")\t\n".utf8).write(to: URL(fileURLWithPath: path))
      return try produce(
        to: partition, ["-K", "\\t"] + (payload == nil ? ["-Z"] : []), input: path)
    }
    try Data(payload).write(to: URL(fileURLWithPath: path))
    try produce(to: partition, (key.map { ["-k", $0] } ?? []) + [path])
  }

  /// Several faults may write at once.
  private static func freshFile(in folder: String) -> String {
    "\(folder)/records-\(UInt64.random(in: 0 ... .max))"
  }

  /// Adds copies, each to the partition that its record was in, those of one partition in the order given.
  ///
  /// Only of records that are `isOurs`; others are left out.
  func add(_ records: [Record], folder: String) throws {
    let path = Self.freshFile(in: folder)
    defer { try? FileManager.default.removeItem(atPath: path) }
    for (partition, its) in Dictionary(grouping: records, by: \.partition) {
      var text: [UInt8] = []
      for record in its where record.isOurs {
        guard let key = record.key, let payload = record.payload else { continue }
        text += key + [UInt8(ascii: "\t")] + payload + [UInt8(ascii: "\n")]
      }
      try Data(text).write(to: URL(fileURLWithPath: path))
      try produce(to: partition, ["-K", "\\t"], input: path)
    }
  }

  private func produce(
    to partition: Int, _ arguments: [String], input: String = "/dev/null"
  ) throws {
    try kcat(
      [
        "-P", "-t", name, "-p", "\(partition)", "-X", "acks=all",
        "-X", "message.max.bytes=4000000",
      ] + arguments, input: input)
  }
}
