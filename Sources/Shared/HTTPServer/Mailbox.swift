import CLinux
import Glibc
import Threads

/// How far a loop has been told to go; it only grows.
enum LoopStage: Int, Comparable, Sendable {
  case running
  /// No newcomers; each connection ends with its next reply.
  case stopping
  /// As before; say when nothing is left to be answered.
  case draining
  /// Close everything and end.
  case ended

  static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// The one way into a loop from other threads: replies and the stage, one lock, and a wake only if the loop
/// sleeps. It needs no bound of its own: each waiting request brings one reply, and those are bounded.
final class Mailbox: Sendable {
  typealias Batch = [(token: ReplyToken, reply: HTTPReply)]

  private struct Contents {
    var batches: [Batch] = []
    var stage = LoopStage.running
    var isAsleep = false

    /// Whether the loop has to be woken, which is done once.
    mutating func wakesLoop() -> Bool {
      defer { isAsleep = false }
      return isAsleep
    }
  }

  private let contents = Lock(Contents())
  let wakeDescriptor: Int32

  init() throws(SystemError) {
    wakeDescriptor = try System.check("eventfd") {
      eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    }
  }

  deinit { System.close(wakeDescriptor) }

  /// Dropped once the loop has ended: its connections are gone.
  func post(_ batch: Batch) {
    if batch.isEmpty { return }
    let wakes = contents.withLock { contents in
      if contents.stage == .ended { return false }
      contents.batches.append(batch)
      return contents.wakesLoop()
    }
    if wakes { wake() }
  }

  func advance(to stage: LoopStage) {
    let wakes = contents.withLock { contents in
      contents.stage = max(contents.stage, stage)
      if stage == .ended { contents.batches = [] }
      return contents.wakesLoop()
    }
    if wakes { wake() }
  }

  /// For the loop: everything that has come.
  func take() -> (batches: [Batch], stage: LoopStage) {
    contents.withLock { contents in
      var batches: [Batch] = []
      swap(&batches, &contents.batches)
      return (batches, contents.stage)
    }
  }

  /// For the loop, before it waits: false if there is something to take; otherwise the next post wakes it.
  func fallAsleep(knowing stage: LoopStage) -> Bool {
    contents.withLock { contents in
      contents.isAsleep = contents.batches.isEmpty && contents.stage == stage
      return contents.isAsleep
    }
  }

  /// For the loop, when it is back: whoever posts now need not wake it.
  func awake() { contents.withLock { $0.isAsleep = false } }

  private func wake() {
    // Fails only if the counter is at its end, and then a wake is under way.
    _ = eventfd_write(wakeDescriptor, 1)
  }
}
