import Glibc
import Threads

/// librdkafka's mock cluster as a process: a Kafka for machines without one. It lives in memory.
///
/// `MockKafka --topics FILE [--bootstrap FILE]`: makes the topics listed in the first file (`NAME:PARTITIONS`
/// per line), writes its address to the second file or standard output, and goes on making topics that are
/// appended to the list, saying `made NAME:PARTITIONS` for each, until SIGTERM or SIGINT.
@main
enum App {
  static func main() {
    Signals.prepare()
    var topicsPath: String?
    var bootstrapPath: String?
    var words = CommandLine.arguments.dropFirst()
    while let option = words.popFirst() {
      guard let value = words.popFirst() else { fail("\(option) needs a value", status: 2) }
      switch option {
      case "--topics": topicsPath = value
      case "--bootstrap": bootstrapPath = value
      default: fail("unknown option \(option)", status: 2)
      }
    }
    guard let topicsPath else { fail("--topics FILE is required", status: 2) }
    do {
      try run(topics: TopicList(path: topicsPath), bootstrapPath: bootstrapPath)
    } catch {
      fail("\(error)", status: 1)
    }
  }

  private static func run(topics: TopicList, bootstrapPath: String?) throws(Problem) {
    var topics = topics
    let cluster = try MockCluster()
    try make(topics.added(), in: cluster)
    if let bootstrapPath {
      try write(cluster.bootstrap + "\n", to: bootstrapPath)
    } else {
      try say(cluster.bootstrap)
    }
    while Signals.wait(until: .after(ms: 50)) == nil {
      try make(topics.added(), in: cluster)
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
