internal import Threads

/// One client's connection: what the loop remembers about it between two events.
///
///     reading ──request──▶ waiting ──reply──▶ writing ──▶ reading …
///        └──refused──────────────────────────────┘ └─last reply─▶ lingering ──▶ closed
final class Connection {
  enum Phase {
    /// For the next request, or the rest of it.
    case reading
    /// The handler has the request; nothing is read meanwhile.
    case waiting
    /// The client has yet to take the rest of a reply.
    case writing
    /// The last reply is out and writing is shut down; input is thrown away.
    case lingering
    case closed
  }

  let socket: Int32
  let slot: Int

  var phase = Phase.reading
  var parser = RequestParser()
  var input = ByteQueue()
  /// What the socket did not take yet.
  var output = ByteQueue()
  var form = ReplyWriter.Form()
  /// The serial of the request that waits for its reply; 0: none.
  var awaited: UInt64 = 0
  /// The socket may have bytes, or the end of the input, that were not read.
  var mayRead = false
  /// When the bytes came that are not handed over yet: their last ones while a request is read, their first ones while one
  /// is answered.
  var cameAt: MonotonicTime?
  /// The end of the input is near or here: reads go on until it is seen.
  var sawHangup = false
  var sawEnd = false
  var lingeredBytes = 0
  var isQueued = false
  /// Of the current request, from its first byte.
  var isTimed = false
  /// Of the current phase, in nanoseconds of the monotonic clock.
  var deadline: Int64

  init(socket: Int32, slot: Int, deadline: Int64) {
    self.socket = socket
    self.slot = slot
    self.deadline = deadline
  }

  /// A stop waits for it: a request has begun to come, is being answered, or its last reply is on its way.
  var isBusy: Bool { phase != .reading || parser.hasBegun || !input.isEmpty }
}

/// Bytes with a front that moves: taken from the front, added at the end. Empty, it holds no memory.
struct ByteQueue {
  private var bytes: [UInt8] = []
  private var start = 0

  var isEmpty: Bool { bytes.isEmpty }
  var count: Int { bytes.count - start }

  mutating func append(_ more: UnsafeBufferPointer<UInt8>) {
    if start > 0 {
      bytes.removeFirst(start)
      start = 0
    }
    bytes.append(contentsOf: more)
  }

  mutating func removeFirst(_ count: Int) {
    start += count
    if start == bytes.count { removeAll() }
  }

  mutating func removeAll() {
    bytes = []
    start = 0
  }

  func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    bytes.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[start...])) }
  }
}
