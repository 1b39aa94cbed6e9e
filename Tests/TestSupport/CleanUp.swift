import Glibc
import Threads

/// Something outside this process that has to be undone: by who made it, or else when the process exits.
///
/// The last one made is undone first. A crash, or SIGKILL, undoes nothing.
public final class CleanUp: Sendable {
  private struct Pending: Sendable {
    var next = 0
    var undos: [Int: @Sendable () -> Void] = [:]
  }

  private static let pending = Lock(Pending())
  private static let registered: Void = { _ = atexit { CleanUp.runAll() } }()
  private let number: Int

  public init(_ undo: @escaping @Sendable () -> Void) {
    _ = Self.registered
    number = Self.pending.withLock { pending in
      pending.next += 1
      pending.undos[pending.next] = undo
      return pending.next
    }
  }

  /// Undoes it, unless that is done. May be called twice.
  public func run() { Self.take(number)?() }

  private static func take(_ number: Int) -> (@Sendable () -> Void)? {
    pending.withLock { $0.undos.removeValue(forKey: number) }
  }

  private static func runAll() {
    while let last = pending.withLock({ $0.undos.keys.max() }) { take(last)?() }
  }
}
