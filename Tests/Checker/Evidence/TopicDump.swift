import Foundation

/// A record of a topic as it lies in Kafka.
struct TopicRecord: Sendable {
  let partition, offset: Int
  /// When it was produced, by its producer's clock; milliseconds.
  let timeMs: Int
  let key, payload: [UInt8]?

  var place: Place { Place(partition: partition, offset: offset) }
}

/// Where a record is.
struct Place: Hashable, Comparable, CustomStringConvertible, Sendable {
  let partition, offset: Int
  var description: String { "\(partition)@\(offset)" }
  static func < (left: Self, right: Self) -> Bool {
    (left.partition, left.offset) < (right.partition, right.offset)
  }
}

/// All records of a topic, each partition's in the order of offsets.
struct TopicDump {
  private(set) var records: [TopicRecord] = []

  init(path: String) throws {
    let bytes = [UInt8](try readFile(path))
    var at = 0
    while at < bytes.count {
      guard let end = bytes[at...].firstIndex(of: UInt8(ascii: "\n")) else {
        throw Unreadable("\(path): a record's head has no end at byte \(at)")
      }
      let head = String(decoding: bytes[at..<end], as: UTF8.self).split(separator: " ")
      let numbers = head.compactMap { Int($0) }
      guard numbers.count == 5, head.count == 5 else {
        throw Unreadable("\(path): no record's head at byte \(at)")
      }
      at = end + 1
      func take(_ length: Int) throws -> [UInt8]? {
        if length < 0 { return nil }
        guard at + length < bytes.count else { throw Unreadable("\(path): cut off at its end") }
        defer { at += length }
        return Array(bytes[at..<at + length])
      }
      let key = try take(numbers[3])
      let payload = try take(numbers[4])
      guard at < bytes.count, bytes[at] == UInt8(ascii: "\n") else {
        throw Unreadable("\(path): the record before byte \(at) has other lengths than it says")
      }
      at += 1
      records.append(
        TopicRecord(
          partition: numbers[0], offset: numbers[1], timeMs: numbers[2], key: key, payload: payload)
      )
    }
    records.sort { $0.place < $1.place }
  }

  /// Where each partition that holds something ends.
  var ends: [Int: Int] {
    Dictionary(records.map { ($0.partition, $0.offset + 1) }, uniquingKeysWith: max)
  }

  /// Throws unless the dump reaches the ends that Kafka tells of.
  func expectWhole(_ known: [Int: Int]) throws {
    let read = ends
    for (partition, end) in known where end > 0 && read[partition] != end {
      throw Unreadable("partition \(partition) ends at \(end), read up to \(read[partition] ?? 0)")
    }
  }

  /// Throws unless each partition is there from its first record on.
  func expectUnbroken(_ path: String) throws {
    var next: [Int: Int] = [:]
    for record in records {
      let expected = next[record.partition] ?? 0
      guard record.offset == expected else {
        throw Unreadable("\(path): \(record.place) comes where offset \(expected) has to be")
      }
      next[record.partition] = expected + 1
    }
  }
}

/// A file of the evidence, whole.
func readFile(_ path: String) throws -> Data {
  do { return try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
    throw Unreadable("\(path) cannot be read: \(error.localizedDescription)")
  }
}
