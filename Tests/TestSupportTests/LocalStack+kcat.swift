import Glibc
import TestSupport

extension LocalStack {
  /// Whether the message was acknowledged within that time.
  func produce(
    _ text: String, to topic: String, at bootstrap: String? = nil, limitMs: Int = 10_000
  ) -> Bool {
    let script =
      "echo \(text) | kcat -P -b \(bootstrap ?? kafkaBootstrap) -t \(topic) -X acks=all "
      + "-X message.timeout.ms=\(limitMs)"
    return (try? Subprocess.run("sh", ["-c", script])) != nil
  }

  func messages(_ topic: String) throws -> [String] {
    try Subprocess.run(
      "kcat", ["-C", "-q", "-e", "-b", kafkaBootstrap, "-t", topic, "-o", "beginning"], within: 30
    ).split(separator: "\n").map(String.init)
  }

  /// With one partition, on a real Kafka.
  func makeTopic(_ topic: String) throws {
    guard let home = getenv("KAFKA_HOME") else { throw TestSupportError("no KAFKA_HOME") }
    try Subprocess.run(
      String(cString: home) + "/bin/kafka-topics.sh",
      ["--bootstrap-server", kafkaBootstrap, "--create", "--topic", topic, "--partitions", "1"])
  }

  func restartKafka() throws {
    try kill(.kafka)
    try restart(.kafka)
  }
}
