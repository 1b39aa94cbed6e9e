import Glibc
import Threads

/// librdkafka's mock cluster as a process: a Kafka for machines without one. It lives in memory.
///
/// `MockKafka --topics FILE [--bootstrap FILE] [--brokers N] [--commands FILE]`: makes the topics listed in the first file (`NAME:PARTITIONS`
/// per line), writes its address to the second file or standard output, and goes on making topics that are
/// appended to the list, saying `made NAME:PARTITIONS` for each, until SIGTERM or SIGINT. Meanwhile it does what the
/// file of commands says (CommandFile).
@main
enum App {
  static func main() {
    Signals.prepare()
    var topicsPath: String?
    var bootstrapPath: String?
    var commands: CommandFile?
    var brokers: Int32 = 1
    var words = CommandLine.arguments.dropFirst()
    while let option = words.popFirst() {
      guard let value = words.popFirst() else { fail("\(option) needs a value", status: 2) }
      switch option {
      case "--topics": topicsPath = value
      case "--bootstrap": bootstrapPath = value
      case "--commands": commands = CommandFile(path: value)
      case "--brokers":
        guard let number = Int32(value), (1...MockCluster.brokerLimit).contains(number) else {
          fail("--brokers takes 1 to \(MockCluster.brokerLimit)", status: 2)
        }
        brokers = number
      default: fail("unknown option \(option)", status: 2)
      }
    }
    guard let topicsPath else { fail("--topics FILE is required", status: 2) }
    do {
      try run(
        MockCluster(brokers: brokers), topics: TopicList(path: topicsPath),
        bootstrapPath: bootstrapPath, commands: commands)
    } catch {
      fail("\(error)", status: 1)
    }
  }

  private static func run(
    _ cluster: MockCluster, topics: TopicList, bootstrapPath: String?, commands: CommandFile?
  ) throws(Problem) {
    var topics = topics
    try make(topics.added(), in: cluster)
    if let bootstrapPath {
      try write(cluster.bootstrap + "\n", to: bootstrapPath)
    } else {
      try say(cluster.bootstrap)
    }
    while Signals.wait(until: .after(ms: 20)) == nil {
      try make(topics.added(), in: cluster)
      try commands?.serve { words throws(Problem) in try cluster.carryOut(Command(words)) }
    }
  }

  private static func make(_ topics: [Topic], in cluster: MockCluster) throws(Problem) {
    for topic in topics {
      try cluster.create(topic)
      try say("made \(topic.name):\(topic.partitions)")
    }
  }

  private static func say(_ line: String) throws(Problem) { try write(line + "\n", to: 1) }

  private static func fail(_ problem: String, status: Int32) -> Never {
    try? write("MockKafka: \(problem)\n", to: 2)
    exit(status)
  }
}
