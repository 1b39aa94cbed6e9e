import Foundation

/// All that a round left.
struct Evidence {
  /// What is used of the crowd's own report.
  struct Report: Decodable {
    /// Whose draws were recorded.
    let activity: Int
    let held, undecided: Int
    /// Of those held, how many were told so once more at the end.
    let confirmed: Int?
    let unfinished: String?
  }

  let round: Round
  let report: Report
  let told: [Told]
  let fence: [String: String]
  let redis: [Int: RedisState]
  let postgres: PostgresState
  let history: History
  let control: ControlTopic
  let samples: Samples

  /// Throws when something is missing or cannot be read.
  init(folder: String) throws {
    round = try Self.decode(folder + "/round.json")
    report = try Self.decode(folder + "/report.json")
    guard round.activities.contains(where: { [report] in $0.id == report.activity }) else {
      throw Unreadable("\(folder): the crowd drew on \(report.activity), which is not checked")
    }
    told = try Told.read(folder + "/told.jsonl")
    fence = try readRedisHash(folder + "/redis/fence.json")
    redis = Dictionary(
      uniqueKeysWithValues: try round.activities.map {
        ($0.id, try RedisState(folder: folder + "/redis", activity: $0.id))
      })
    postgres = try PostgresState(folder: folder + "/postgres")
    let dump = try TopicDump(path: folder + "/topic.events")
    try dump.expectUnbroken(folder + "/topic.events")
    history = History(dump)
    control = ControlTopic(try TopicDump(path: folder + "/topic.control"))
    samples = try Samples(path: folder + "/samples.jsonl")
  }

  private static func decode<Value: Decodable>(_ path: String) throws -> Value {
    let data = try readFile(path)
    do { return try JSONDecoder().decode(Value.self, from: data) } catch {
      throw Unreadable("\(path) is not what it has to be: \(error)")
    }
  }
}
