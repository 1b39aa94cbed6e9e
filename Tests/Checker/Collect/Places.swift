/// Where a round's stores and topics are.
public struct Places: Sendable {
  let redisPort, redisDatabase: Int
  /// A libpq connection string; its host may be a socket's folder.
  let postgres: String
  /// `HOST:PORT`, several by commas.
  let kafka: String
  let topic, controlTopic: String
  /// Whose keys are read from Redis.
  let activities: [Int]

  public init(
    redisPort: Int, redisDatabase: Int, postgres: String, kafka: String, topic: String,
    controlTopic: String, activities: [Int]
  ) {
    self.redisPort = redisPort
    self.redisDatabase = redisDatabase
    self.postgres = postgres
    self.kafka = kafka
    self.topic = topic
    self.controlTopic = controlTopic
    self.activities = activities
  }
}
