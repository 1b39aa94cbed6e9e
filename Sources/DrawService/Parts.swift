internal import HTTPServer
internal import KafkaClient
internal import Log
internal import RedisClient
internal import Threads

/// The threads of an instance and what they share, started in order and stopped in the reverse.
struct Parts {
  let readiness: Readiness
  let meters = Meters()
  let server: HTTPServer
  private let router: LaneRouter
  private let producer: KafkaProducer<Publication>
  private let publisher: Publisher
  private let publisherThread: NamedThread
  private let laneThreads: [NamedThread]
  private let relayThread: NamedThread
  private let relayPokes = Inbox<Void>(capacity: 1)
  private let leaseThread: NamedThread
  private let leaseStop = Inbox<Void>(capacity: 1)

  init(_ settings: Settings, _ log: Log) throws {
    let (meters, relayPokes, leaseStop) = (meters, relayPokes, leaseStop)
    let readiness = Readiness(lanes: settings.lanes)
    let router = LaneRouter(
      lanes: settings.lanes, requestLimit: settings.inbox, inFlight: settings.inFlight)
    let replies = ReplySink(meters: meters)
    let permits = Permits(limit: settings.inFlight, reserve: settings.claims.batch)
    let producer = try KafkaProducer<Publication>(
      settings.kafka, topic: settings.topic, queueLimit: settings.inFlight + 1_000,
      messageTimeoutMs: settings.messageTimeoutMs, lingerMs: settings.lingerMs, requestsInFlight: 2,
      warmUpMs: 1_000)
    let lease = LeaseHolder()
    leaseThread = NamedThread("lease") {
      LeaseKeeper(settings, holder: lease, readiness: readiness, log: log, stop: leaseStop).run()
    }
    let fence = FenceWatch(
      readiness: readiness, log: log, probeNow: { _ = relayPokes.offer(()) })
    let publisher = Publisher(
      producer: producer, partitions: settings.partitions, permits: permits, lease: lease,
      router: router, replies: replies, readiness: readiness, meters: meters, log: log,
      deadlineMs: settings.claims.deadlineMs)
    publisherThread = NamedThread("publisher") { publisher.run() }
    let context = LaneContext(
      endpoint: settings.redis, limits: settings.claims, publisher: publisher, lease: lease,
      fence: fence, replies: replies, meters: meters, readiness: readiness, log: log)
    laneThreads = router.inboxes.enumerated().map { number, inbox in
      NamedThread("lane-\(number + 1)") {
        Lane(number: number, inbox: inbox, context: context).run()
      }
    }
    let relayContext = RelayContext(
      endpoint: settings.redis, settings: settings.relay, publisher: publisher, lease: lease,
      fence: fence, readiness: readiness, meters: meters, log: log)
    relayThread = NamedThread("relay") { Relay(relayContext, pokes: relayPokes).run() }
    let front = Front(
      loops: settings.httpLoops, router: router, replies: replies, readiness: readiness,
      meters: meters)
    do {
      server = try HTTPServer(
        host: settings.httpHost, port: settings.httpPort, loops: settings.httpLoops,
        limits: settings.http, singleHeaders: ["x-user-id", "idempotency-key"], handler: front)
    } catch {
      relayPokes.close()
      relayThread.join()
      publisher.close()
      publisherThread.join()
      router.close()
      for thread in laneThreads { thread.join() }
      leaseStop.close()
      leaseThread.join()
      throw error
    }
    replies.attach(server)
    (self.readiness, self.router, self.producer) = (readiness, router, producer)
    self.publisher = publisher
  }

  /// Requests in the lanes' inboxes.
  var waitingForLane: Int { router.depth }
  /// Events without a delivery report.
  var waitingForKafka: Int { publisher.outstanding }

  /// Makes sure that the topic is there, for as long as it takes, then lets draws in. False: stop.
  func openForDraws(_ settings: Settings, _ log: Log) -> Bool {
    var backoff = Backoff(initialMs: 200, maximumMs: 5_000)
    var saidError: String?
    while true {
      do {
        let outcome = try KafkaAdmin.ensureTopic(
          settings.kafka, name: settings.topic, partitions: settings.partitions,
          replication: settings.replication,
          configuration: ["min.insync.replicas": "\(settings.minInSyncReplicas)"], timeoutMs: 5_000)
        log.info("topic_ready", ["topic": .string(settings.topic), "outcome": "\(outcome)"])
        readiness.set(.serving)
        TopicSettings(minInSyncReplicas: settings.minInSyncReplicas, isCompacted: false)
          .warn(of: settings.topic, settings, log)
        return true
      } catch {
        let text = "\(error)"
        if text != saidError {
          log.error("topic_not_ready", ["topic": .string(settings.topic), "error": .string(text)])
          saidError = text
        }
        if !error.isRetriable { return false }
      }
      if Signals.wait(until: .after(ms: backoff.nextMs())) != nil { return false }
    }
  }

  #if TEST_SWITCHES
    func failProducer() { producer.failForTest() }
  #endif

  /// HTTP first, then claims in flight, then Kafka, then Redis, and the lease, which all of them need, last.
  /// False when the deadline cut it short.
  func drain(until deadline: MonotonicTime) -> Bool {
    server.stopAccepting()
    var isDrained = server.drain(until: deadline)
    relayPokes.close()
    relayThread.join()
    publisher.close()
    isDrained = producer.flush(until: deadline) && isDrained
    publisherThread.join()
    producer.close()
    router.close()
    for thread in laneThreads { thread.join() }
    leaseStop.close()
    leaseThread.join()
    return isDrained
  }
}
