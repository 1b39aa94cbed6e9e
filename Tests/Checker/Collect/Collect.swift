import Foundation

/// Reads both stores and both topics whole with redis-cli, psql and kcat into the folder of a round.
///
/// The services must have ended: Redis is read key by key. Throws when something cannot be read to its end.
public func collect(into folder: String, from places: Places) throws {
  for name in ["redis", "postgres"] {
    try FileManager.default.createDirectory(
      atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
  }
  try collectRedis(folder + "/redis", places)
  try collectPostgres(folder + "/postgres", places)
  try collectTopic(folder + "/topic.events", places.topic, places)
  try collectTopic(folder + "/topic.control", places.controlTopic, places)
}

private func collectRedis(_ folder: String, _ places: Places) throws {
  // Quoted twice, as texts that JSON can hold whatever their bytes; see `redisText`.
  func read(_ command: [String], _ name: String) throws {
    let words = [
      "redis-cli", "-e", "-p", "\(places.redisPort)", "-n", "\(places.redisDatabase)",
      "--quoted-json",
    ]
    try Tool.run(words + command, into: "\(folder)/\(name).json")
  }
  try read(["HGETALL", "stock:fence"], "fence")
  try read(["SMEMBERS", "stock:activities"], "activities")
  for id in places.activities {
    let key = "stock:{\(id)}"
    try read(["HGETALL", key], "\(id).stock")
    try read(["HGETALL", key + ":locks"], "\(id).locks")
    try read(["HGETALL", key + ":users"], "\(id).users")
    try read(["LRANGE", key + ":free", "0", "-1"], "\(id).free")
    try read(["XRANGE", key + ":outbox", "-", "+"], "\(id).outbox")
  }
}

let postgresTables = [
  "deployment", "activity", "claim", "released_request", "consumer_offset", "dead_letter",
]

/// All tables as of one moment. Every value that is there is quoted, so that an empty one is not taken for none.
private func collectPostgres(_ folder: String, _ places: Places) throws {
  let path = folder.replacingOccurrences(of: "'", with: "''")
  var script = [
    "SET bytea_output = 'hex'", "SET TimeZone = 'UTC'", "SET statement_timeout = '50s'",
    "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
  ]
  for table in postgresTables {
    script.append(
      "\\copy (SELECT * FROM \(table)) TO '\(path)/\(table).csv' (FORMAT csv, HEADER, FORCE_QUOTE *)"
    )
  }
  script.append("COMMIT")
  var words = ["psql", "-X", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-d", places.postgres]
  for statement in script { words += ["-c", statement] }
  _ = try Tool.output(words, by: folder + "/psql.output")
}

/// Every record: a line with partition, offset, time and the lengths of key and value (-1: none), the bytes of both, and a
/// line's end.
private func collectTopic(_ path: String, _ topic: String, _ places: Places) throws {
  let kcat = ["kcat", "-b", places.kafka, "-q"]
  let format = "%p %o %T %K %S\\n%k%s\\n"
  try Tool.run(
    kcat + ["-C", "-t", topic, "-o", "beginning", "-e", "-u", "-f", format], into: path)
  let dump = try TopicDump(path: path)
  let described = try Tool.output(kcat + ["-L", "-J", "-t", topic], by: path + ".metadata")
  let partitions = try partitionCount(described, topic)
  let words = (0..<partitions).flatMap { ["-t", "\(topic):\($0):-1"] }
  let ends = try Tool.output(kcat + ["-Q"] + words, by: path + ".ends")
  try dump.expectWhole(try endOffsets(ends, count: partitions))
}

private func partitionCount(_ metadata: Data, _ topic: String) throws -> Int {
  struct Metadata: Decodable {
    struct Topic: Decodable {
      struct Partition: Decodable { let partition: Int }
      let topic: String
      let partitions: [Partition]
    }
    let topics: [Topic]
  }
  let found = try? JSONDecoder().decode(Metadata.self, from: metadata)
  guard let count = found?.topics.first(where: { $0.topic == topic })?.partitions.count, count > 0
  else { throw Unreadable("topic \(topic) is not there") }
  return count
}

/// Lines `topic [partition] offset end`.
private func endOffsets(_ output: Data, count: Int) throws -> [Int: Int] {
  var ends: [Int: Int] = [:]
  for line in String(decoding: output, as: UTF8.self).split(separator: "\n") {
    let words = line.split(separator: " ")
    guard words.count == 4, let partition = Int(words[1].dropFirst().dropLast()),
      let end = Int(words[3])
    else { throw Unreadable("kcat tells of an end of a partition as '\(line)'") }
    ends[partition] = end
  }
  guard ends.count == count else { throw Unreadable("\(ends.count) ends of \(count) partitions") }
  return ends
}
