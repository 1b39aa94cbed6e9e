internal import Protections
internal import RedisClient
internal import Stock
internal import Threads

/// What a lane has to do: requests to answer, outbox entries that Kafka has acknowledged.
enum LaneWork: Sendable {
  case request(DrawRequest)
  case acknowledge(Acknowledgement)
}

/// All events of an outbox entry are in Kafka: it can be deleted, and its releases can be freed and answered.
struct Acknowledgement: Sendable {
  let activity: ActivityID
  let epoch: Int64
  let lastSeq: Int64
  /// Of all its events.
  let kind: StockEvent.Kind
  /// The releases among its events that a client still waits for.
  let releases: [(request: DrawRequest, slot: Int64)]

  /// Whether it may go to Redis: a slot is freed only for a release that cannot be void any more. The relay brings what
  /// may not.
  func mayBeSent(under lease: LeaseView) -> Bool {
    kind == .claimed || lease.covers(epoch) || !Protection.releaseUnderLease.isOn
  }
}

/// One pipeline's worth of script calls: a value, decided without I/O.
struct LanePlan: Sendable {
  enum Call: Sendable {
    case acknowledge(ActivityID, [Acknowledgement])
    case release(ActivityID, [DrawRequest])
    case claim(ActivityID, [DrawRequest])
    case look(ActivityID, [DrawRequest])
  }

  private(set) var calls: [Call] = []
  /// Without the acknowledgements.
  let requestCount: Int

  /// Groups work by activity. Acknowledgements go first, so that a slot given back is free for the claims
  /// of the same pipeline; look-ups go last, so that they see what went before.
  init(requests: [DrawRequest], acknowledgements: [Acknowledgement], batchLimit: Int) {
    requestCount = requests.count
    for (activity, entries) in grouped(acknowledgements, by: \.activity) {
      calls += chunks(entries, of: batchLimit).map { .acknowledge(activity, $0) }
    }
    var releases: [DrawRequest] = []
    var claims: [DrawRequest] = []
    var looks: [DrawRequest] = []
    for request in requests {
      switch request.operation {
      case .release: releases.append(request)
      case .claim: claims.append(request)
      case .look, .describe: looks.append(request)
      }
    }
    for (activity, requests) in grouped(releases, by: \.activity) {
      calls += chunks(requests, of: batchLimit).map { .release(activity, $0) }
    }
    for (activity, requests) in grouped(claims, by: \.activity) {
      calls += chunks(requests, of: batchLimit).map { .claim(activity, $0) }
    }
    for (activity, requests) in grouped(looks, by: \.activity) {
      calls += chunks(requests, of: batchLimit).map { .look(activity, $0) }
    }
  }

  /// The commands, one for each call in order.
  ///
  /// `epochSeen`: the highest epoch that this instance has seen; the scripts refuse what is below it.
  func commands(
    _ scripts: StockScripts, _ limits: ClaimLimits, epochSeen: Int64, _ clock: RedisClock
  ) -> [RedisCommand] {
    calls.map { call in
      switch call {
      case .acknowledge(let activity, let entries):
        scripts.acknowledge(
          activity, entries: entries.map { ($0.lastSeq, $0.epoch) }, epochSeen: epochSeen)
      case .release(let activity, let requests):
        scripts.release(
          activity, requests, limits.bounds(for: requests, epochSeen: epochSeen, clock))
      case .claim(let activity, let requests):
        scripts.claim(activity, requests, limits.bounds(for: requests, epochSeen: epochSeen, clock))
      case .look(let activity, let requests):
        scripts.look(activity, requests, epochSeen: epochSeen)
      }
    }
  }
}

/// Bounds of the claim path, from the configuration.
struct ClaimLimits: Sendable {
  var deadlineMs = 2_000
  var slideLimit = 10_000
  var outboxCap = 100_000
  var batch = 128

  /// A call's not-after is that of its oldest request.
  func bounds(for requests: [DrawRequest], epochSeen: Int64, _ clock: RedisClock) -> CallBounds {
    let oldest = requests.lazy.map(\.arrived).min() ?? .now
    return CallBounds(
      notAfterMs: clock.redisMs(at: oldest.adding(ms: deadlineMs)), epochSeen: epochSeen,
      slideLimit: slideLimit, outboxCap: outboxCap)
  }
}

/// Redis' clock as seen from here: its time in the last reply, against our clock when that reply was there.
///
/// The reply is a little older than its arrival, and may have waited for its lane, so the estimate runs behind Redis by a
/// round trip and that: a not-after made from it is early, never late.
struct RedisClock: Sendable {
  private let offsetNs: Int64

  init(redisMs: Int64, receivedAt: MonotonicTime) {
    offsetNs = redisMs * 1_000_000 - receivedAt.nanoseconds
  }

  func redisMs(at moment: MonotonicTime) -> Int64 { (moment.nanoseconds + offsetNs) / 1_000_000 }
}

/// Elements by key, keys in the order in which they were met.
private func grouped<Element, Key: Hashable>(
  _ elements: [Element], by key: (Element) -> Key
) -> [(key: Key, elements: [Element])] {
  var places: [Key: Int] = [:]
  var groups: [(key: Key, elements: [Element])] = []
  var last: (key: Key, place: Int)?
  for element in elements {
    let key = key(element)
    // In a rush most are about one activity.
    if let place = last.flatMap({ $0.key == key ? $0.place : nil }) ?? places[key] {
      groups[place].elements.append(element)
      last = (key, place)
    } else {
      places[key] = groups.count
      groups.append((key, [element]))
    }
  }
  return groups
}

private func chunks<Element>(_ elements: [Element], of size: Int) -> [[Element]] {
  if elements.count <= size { return [elements] }
  return stride(from: 0, to: elements.count, by: size).map {
    Array(elements[$0..<min($0 + size, elements.count)])
  }
}
