import Glibc

/// What stops the process, in words.
struct Problem: Error, CustomStringConvertible {
  let description: String
}

struct Topic {
  let name: String
  let partitions: Int32

  /// From `NAME:PARTITIONS`.
  init(_ line: Substring) throws(Problem) {
    let halves = line.split(separator: ":", omittingEmptySubsequences: false)
    guard halves.count == 2, !halves[0].isEmpty, let partitions = Int32(halves[1]), partitions > 0
    else { throw Problem(description: "not NAME:PARTITIONS: \(line)") }
    name = String(halves[0])
    self.partitions = partitions
  }
}

/// A file that topics are appended to, read on from where the last look ended.
struct TopicList {
  private let path: String
  private var position = 0

  init(path: String) { self.path = path }

  /// The topics on whole lines that came since the last call.
  mutating func added() throws(Problem) -> [Topic] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Problem(description: "\(path): \(reason())") }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = pread(descriptor, &buffer, buffer.count, position)
    guard count >= 0 else { throw Problem(description: "\(path): \(reason())") }
    guard let end = buffer[..<count].lastIndex(of: UInt8(ascii: "\n")) else { return [] }
    position += end + 1
    var topics: [Topic] = []
    for line in String(decoding: buffer[...end], as: UTF8.self).split(separator: "\n") {
      topics.append(try Topic(line))
    }
    return topics
  }
}

/// Replaces the file at `path`, never showing half of it.
func write(_ text: String, to path: String) throws(Problem) {
  let new = path + ".new"
  let descriptor = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
  guard descriptor >= 0 else { throw Problem(description: "\(new): \(reason())") }
  defer { close(descriptor) }
  try write(text, to: descriptor)
  guard rename(new, path) == 0 else { throw Problem(description: "\(path): \(reason())") }
}

func write(_ text: String, to descriptor: Int32) throws(Problem) {
  var left = Array(text.utf8)[...]
  while !left.isEmpty {
    let count = left.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    if count < 0 && errno == EINTR { continue }
    guard count > 0 else { throw Problem(description: "cannot write: \(reason())") }
    left = left.dropFirst(count)
  }
}

func reason() -> String { String(cString: strerror(errno)) }
