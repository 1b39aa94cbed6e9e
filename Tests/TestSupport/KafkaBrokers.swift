import Foundation
import Glibc

// DESIGN
// Brokers find each other by names that each of them resolves for itself (deploy/local/brokers.sh): node I looks for
// node J at 127.0.I.J, where a proxy of ours passes on to J's real port. So every direction between two brokers is a
// proxy of its own and can be silent, without root or a firewall. Clients reach the brokers directly, or by the
// detour: another listener whose advertised addresses are proxies too, for clients that shall not reach all of them.

/// Three brokers of a real Kafka, each also a controller: replication 3, `min.insync.replicas` 2.
///
/// For what one broker cannot show: a leader that is killed, paused, or cut off from the others while clients still
/// reach it. Needs KAFKA_HOME; about 1 GB; 10 to 15 s to start on 2 cores. A broker that is silent for 3 s
/// loses its partitions. Ends with `end()`, with this object, or with the test process.
public final class KafkaBrokers: Sendable {
  /// For `.enabled(if:)`.
  public static var canStart: Bool { getenv("KAFKA_HOME") != nil }

  public static let ids = 1...3

  /// The stack with the brokers and the other parts; of its own methods `kafkaBootstrap` names all three brokers, and
  /// `stop`, `kill` and `restart` are not for `.kafka`.
  public let stack: LocalStack
  private let ports: [Int: Ports]
  /// What leads from a broker to the other two and from them to it.
  private let links: [Link]
  private let detours: [Int: RedirectingProxy]

  private struct Ports { let client, detour, broker, controller: Int }

  private struct Link {
    let from, to: Int
    let proxies: [RedirectingProxy]
  }

  /// Starts the brokers and the given other parts.
  public static func start(
    with parts: [LocalStack.Part] = [], partitions: Int = 4
  ) throws -> KafkaBrokers {
    try KafkaBrokers(parts, partitions: partitions)
  }

  private init(_ parts: [LocalStack.Part], partitions: Int) throws {
    var ports: [Int: Ports] = [:]
    var links: [Link] = []
    var detours: [Int: RedirectingProxy] = [:]
    for id in Self.ids {
      ports[id] = Ports(
        client: freePort(), detour: freePort(), broker: freePort(), controller: freePort())
    }
    for (to, its) in ports {
      detours[to] = try RedirectingProxy(to: its.detour, host: "127.0.100.\(to)", port: its.detour)
      for from in Self.ids where from != to {
        let proxies = try [its.broker, its.controller].map {
          try RedirectingProxy(to: $0, host: "127.0.\(from).\(to)", port: $0)
        }
        links.append(Link(from: from, to: to, proxies: proxies))
      }
    }
    (self.ports, self.links, self.detours) = (ports, links, detours)
    stack = LocalStack(directory: try temporaryDirectory("brokers"), isOurs: true)
    let words = Self.ids.compactMap { ports[$0] }
      .flatMap { [$0.client, $0.detour, $0.broker, $0.controller] }.map(String.init)
    try stack.up(
      parts + [.kafka], partitions: partitions, options: ["--brokers", "3"],
      environment: [
        "STACK_KAFKA_PORTS": words.joined(separator: " "), "STACK_KAFKA_LINKS": "yes",
      ])
  }

  deinit { end() }

  /// Stops everything and removes the data. May be called twice.
  public func end() {
    stack.end()
    for proxy in links.flatMap(\.proxies) + detours.values { proxy.end() }
  }

  // MARK: Who leads

  /// The broker that leads a partition, as the given broker knows it, or else the first that answers; nil when nobody
  /// answers, or nobody leads.
  public func leader(of topic: String, partition: Int = 0, askedOf broker: Int? = nil) -> Int? {
    let bootstrap = broker.map(self.bootstrap) ?? stack.kafkaBootstrap
    // Fails when nobody answers, which is an answer here.
    let text = try? Subprocess.run(
      "kcat", ["-L", "-J", "-b", bootstrap, "-t", topic, "-m", "3"], within: 20)
    let reply = text.flatMap { try? JSONDecoder().decode(Listing.self, from: Data($0.utf8)) }
    let found = reply?.topics.first?.partitions.first { $0.partition == partition }
    return found.flatMap { Self.ids.contains($0.leader) ? $0.leader : nil }
  }

  /// Waits until a broker other than this leads the partition, as the others know it; gives the new leader.
  public func awaitLeader(
    of topic: String, partition: Int = 0, otherThan old: Int, within seconds: Double = 30
  ) throws -> Int {
    var leader: Int?
    let hasMoved = eventually(within: seconds, everyMs: 200) {
      for other in Self.ids where other != old {
        leader = self.leader(of: topic, partition: partition, askedOf: other)
        if let leader, leader != old { return true }
      }
      return false
    }
    guard hasMoved, let leader else {
      throw TestSupportError("\(topic) is not led by another than broker \(old) after \(seconds) s")
    }
    return leader
  }

  /// `HOST:PORT` of one broker. A client goes on to the others from there.
  public func bootstrap(_ id: Int) -> String { "127.0.0.1:\(ports[id]!.client)" }

  // MARK: Breaking brokers

  /// SIGKILL.
  public func kill(_ id: Int) throws { try stack.command(["kill", "kafka\(id)"]) }
  /// In good order: its partitions are led by others before it ends.
  public func stop(_ id: Int) throws { try stack.command(["stop", "kafka\(id)"]) }
  /// Starts it on the same ports with the same data and waits until it serves. Needs another broker.
  public func restart(_ id: Int) throws { try stack.command(["start", "kafka\(id)"]) }
  /// SIGSTOP: it keeps its connections and says nothing.
  public func pause(_ id: Int) throws { try stack.command(["pause", "kafka\(id)"]) }
  public func resume(_ id: Int) throws { try stack.command(["resume", "kafka\(id)"]) }

  // MARK: Breaking the network

  /// Silence between this broker and the others, in both directions; clients still reach all three.
  ///
  /// The others elect new leaders when its session has ended, after 3 to 10 s. It goes on believing that it leads: it
  /// answers fetches with what it had, and acknowledges no `acks=all`, for nobody replicates from it.
  public func cutOff(_ id: Int) { for proxy in linksOf(id) { proxy.hold() } }

  /// Ends `cutOff`.
  public func reconnect(_ id: Int) {
    for proxy in linksOf(id) { proxy.pass() }
  }

  /// For clients that shall reach only some brokers: they begin here, and reach every broker by a way that can be closed.
  public var detour: String { Self.ids.map(detour).joined(separator: ",") }

  /// The same, beginning at one broker.
  public func detour(_ id: Int) -> String { "127.0.100.\(id):\(ports[id]!.detour)" }

  /// Clients on the detour lose their connections to this broker and get no others.
  public func closeDetour(_ id: Int) { detours[id]?.refuse() }

  /// Ends `closeDetour`.
  public func openDetour(_ id: Int) { detours[id]?.pass() }

  private func linksOf(_ id: Int) -> [RedirectingProxy] {
    links.filter { $0.from == id || $0.to == id }.flatMap(\.proxies)
  }
}

/// What `kcat -L -J` prints, as far as we read it.
private struct Listing: Decodable {
  struct Topic: Decodable { let partitions: [Partition] }
  struct Partition: Decodable { let partition, leader: Int }
  let topics: [Topic]
}
