/// What was seen of the stores and the processes during the round. Times are microseconds on the monotonic clock.
struct Samples: Sendable {
  struct Postgres: Sendable {
    let us: Int64
    let epoch: Int
    let offsets, barriers: [Int: Int]
    var offsetSum: Int { offsets.values.reduce(0, +) }
  }
  struct Redis: Sendable {
    let us: Int64
    let activity, epoch, seq: Int
  }
  struct Process: Sendable {
    let name: String
    let rssKB, descriptors, threads: Int
    /// `draw` of `draw-1`.
    var kind: String { String(name.prefix { $0 != "-" }) }
  }

  private(set) var postgres: [Postgres] = []
  private(set) var redis: [Redis] = []
  private(set) var processes: [Process] = []
  var count: Int { postgres.count + redis.count + processes.count }

  private struct Line: Decodable {
    let us: Int64
    let of: String
    let epoch: Int?
    let offsets, barriers: [String: Int]?
    let activity, seq: Int?
    let name: String?
    let rssKB, descriptors, threads: Int?
  }

  init(path: String) throws {
    var samples = ([Postgres](), [Redis](), [Process]())
    _ = try readLines(path) { (line: Line) in
      switch line.of {
      case "postgres":
        guard let epoch = line.epoch, let offsets = line.offsets, let barriers = line.barriers
        else { throw Unreadable("a sample of Postgres lacks something") }
        samples.0.append(
          Postgres(
            us: line.us, epoch: epoch, offsets: try Self.byPartition(offsets),
            barriers: try Self.byPartition(barriers)))
      case "redis":
        guard let activity = line.activity, let epoch = line.epoch, let seq = line.seq else {
          throw Unreadable("a sample of Redis lacks something")
        }
        samples.1.append(Redis(us: line.us, activity: activity, epoch: epoch, seq: seq))
      case "process":
        guard let name = line.name, let rssKB = line.rssKB, let descriptors = line.descriptors,
          let threads = line.threads
        else { throw Unreadable("a sample of a process lacks something") }
        samples.2.append(
          Process(name: name, rssKB: rssKB, descriptors: descriptors, threads: threads))
      default: throw Unreadable("a sample of '\(line.of)'")
      }
    }
    postgres = samples.0.sorted { $0.us < $1.us }
    redis = samples.1.sorted { $0.us < $1.us }
    processes = samples.2
  }

  private static func byPartition(_ values: [String: Int]) throws -> [Int: Int] {
    var byPartition: [Int: Int] = [:]
    for (name, value) in values {
      guard let partition = Int(name) else { throw Unreadable("partition '\(name)'") }
      byPartition[partition] = value
    }
    return byPartition
  }
}
