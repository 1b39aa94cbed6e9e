import Synchronization
import Threads

/// What has happened since the start, over all loops.
public struct HTTPStatistics: Sendable, Equatable {
  /// Open now.
  public var connections = 0
  public var accepted = 0
  /// Refused because `HTTPLimits.connections` were open.
  public var overLimit = 0
  /// `accept` failed, mostly for want of descriptors.
  public var acceptFailures = 0
  /// Handed to the handler.
  public var requests = 0
  /// Written to the last byte, the server's own refusals included.
  public var replies = 0
  public var bytesReceived = 0
  public var bytesSent = 0
  /// The server's own refusals by status.
  public var refusals: [Int: Int] = [:]
  /// Keep-alive connections closed after `idleTimeoutMs`.
  public var idleTimeouts = 0
  /// Clients that took longer than `writeTimeoutMs` to take a reply.
  public var writeTimeouts = 0
  /// Requests that the handler did not answer within `replyTimeoutMs`.
  public var replyTimeouts = 0
  /// Clients that were gone before their reply was written.
  public var abandoned = 0
  /// Replies whose request waited no more.
  public var staleReplies = 0

  public init() {}
}

/// One loop's counters: written by its thread alone, read by anybody.
final class Counters: Sendable {
  struct Count: ~Copyable {
    private let value = Atomic<Int>(0)

    var current: Int { value.load(ordering: .relaxed) }

    /// Only the loop's thread writes, so that no locked instruction is needed.
    func add(_ amount: Int = 1) { value.store(current &+ amount, ordering: .relaxed) }
  }

  let accepted = Count()
  let overLimit = Count()
  let acceptFailures = Count()
  let requests = Count()
  let replies = Count()
  let bytesReceived = Count()
  let bytesSent = Count()
  let idleTimeouts = Count()
  let writeTimeouts = Count()
  let replyTimeouts = Count()
  let abandoned = Count()
  let staleReplies = Count()
  private let refusals = Lock<[Int: Int]>([:])

  func countRefusal(_ status: Int) { refusals.withLock { $0[status, default: 0] += 1 } }

  func add(to sum: inout HTTPStatistics) {
    sum.accepted += accepted.current
    sum.overLimit += overLimit.current
    sum.acceptFailures += acceptFailures.current
    sum.requests += requests.current
    sum.replies += replies.current
    sum.bytesReceived += bytesReceived.current
    sum.bytesSent += bytesSent.current
    sum.idleTimeouts += idleTimeouts.current
    sum.writeTimeouts += writeTimeouts.current
    sum.replyTimeouts += replyTimeouts.current
    sum.abandoned += abandoned.current
    sum.staleReplies += staleReplies.current
    sum.refusals.merge(refusals.withLock { $0 }, uniquingKeysWith: +)
  }
}
