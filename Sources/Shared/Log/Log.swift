// DESIGN
// One JSON object per line: time, level, service, instance, event, then the event's fields. A caller
// never blocks: it appends to a bounded inbox, and one thread writes. When the reader of our standard
// output stalls, or the disk under it is full, the inbox fills and lines are dropped, counted, and the
// count is said (`log_dropped`) once it goes on.

internal import CLinux
internal import Glibc
internal import JSONBytes
public import Threads

/// How much a line matters. `alarm` is for a person, now.
public enum LogLevel: Int, Sendable, Comparable, CaseIterable {
  case debug, info, warning, error, alarm

  public var name: String { String(describing: self) }
  public init?(name: String) {
    guard let level = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = level
  }
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// The log of one process.
public final class Log: Sendable {
  public typealias Fields = KeyValuePairs<String, LogValue>

  /// Lines that wait for the writer; more are dropped and counted.
  public static let capacity = 8_192

  public let level: LogLevel
  private let service: String
  private let instance: String
  private let inbox = Inbox<[UInt8]>(capacity: Log.capacity)
  private let dropped = Lock(0)
  private let writer: Lock<NamedThread?>
  private let isDone = Inbox<Void>(capacity: 1)

  /// Starts the writer thread. `descriptor` stays the caller's to close.
  public init(service: String, instance: String, level: LogLevel = .info, descriptor: Int32 = 1) {
    self.level = level
    self.service = service
    self.instance = instance
    writer = Lock(nil)
    let (inbox, isDone) = (inbox, isDone)
    let takeDropped = { @Sendable [dropped] in
      dropped.withLock { count in
        defer { count = 0 }
        return count
      }
    }
    let droppedLine = { @Sendable [service, instance] (count: Int) in
      Self.line(.warning, service, instance, "log_dropped", ["lines": .int(count)])
    }
    let thread = NamedThread("log") {
      while let lines = inbox.take(until: nil) {
        var batch = lines.flatMap { $0 }
        let lost = takeDropped()
        if lost > 0 { batch += droppedLine(lost) }
        if !Self.writeAll(batch, to: descriptor, unless: { inbox.hasClosed }) {
          // Nobody will ever read: hold no lines for them.
          inbox.close()
          break
        }
      }
      isDone.close()
    }
    writer.withLock { $0 = thread }
  }

  /// Lets the writer thread end, once it has written what is left.
  deinit { inbox.close() }

  public func debug(_ event: StaticString, _ fields: Fields = [:]) { write(.debug, event, fields) }
  public func info(_ event: StaticString, _ fields: Fields = [:]) { write(.info, event, fields) }
  public func warning(_ event: StaticString, _ fields: Fields = [:]) {
    write(.warning, event, fields)
  }
  public func error(_ event: StaticString, _ fields: Fields = [:]) { write(.error, event, fields) }
  public func alarm(_ event: StaticString, _ fields: Fields = [:]) { write(.alarm, event, fields) }

  /// Writes one line, or drops and counts it when the writer is behind by `capacity` lines. After `close`
  /// nothing is written.
  public func write(_ level: LogLevel, _ event: StaticString, _ fields: Fields) {
    guard level >= self.level else { return }
    let line = Self.line(level, service, instance, "\(event)", fields)
    if inbox.offer(line) == .full { dropped.withLock { $0 += 1 } }
  }

  /// Writes out what is left, for at most `deadline`, and ends the writer. A reader that stalls loses the rest.
  public func close(until deadline: MonotonicTime) {
    inbox.close()
    // An inbox that only ever closes: taking from it waits for the writer's end.
    if isDone.take(until: deadline) == nil {
      writer.withLock { thread in
        thread?.join()
        thread = nil
      }
    }
  }

  private static func line(
    _ level: LogLevel, _ service: String, _ instance: String, _ event: String, _ fields: Fields
  ) -> [UInt8] {
    var json = JSONWriter(capacity: 256)
    json.beginObject()
    json.field("time", timestamp(ms: wallClockMs()))
    json.field("level", level.name)
    json.field("service", service)
    json.field("instance", instance)
    json.field("event", event)
    for (key, value) in fields {
      json.key(key)
      value.write(to: &json)
    }
    json.endObject()
    return json.bytes + [UInt8(ascii: "\n")]
  }

  /// Between two tries while there is no room, or the disk fails.
  private static let roomPauseMs = 100

  /// False when nobody will ever read: the descriptor is closed or broken, or cannot be written to and the log `isEnding`.
  private static func writeAll(
    _ bytes: [UInt8], to descriptor: Int32, unless isEnding: () -> Bool
  ) -> Bool {
    var offset = 0
    while offset < bytes.count {
      let written = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress! + offset, bytes.count - offset)
      }
      let reason = errno  // Before anything else can change it.
      if written >= 0 {
        offset += written
      } else if reason == EAGAIN {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&waiting, 1, 1_000)
      } else if reason == EINTR {
        continue
      } else if [EPIPE, EBADF].contains(reason) || isEnding() {
        return false
      } else {
        usleep(UInt32(roomPauseMs) * 1_000)  // Somebody will make room, or mend the disk.
      }
    }
    return true
  }
}
