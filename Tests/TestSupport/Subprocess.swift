import Glibc
import Threads

/// How a process ended.
public enum ExitStatus: Equatable, Sendable, CustomStringConvertible {
  case exited(Int32)
  case signalled(Int32)

  public var isSuccess: Bool { self == .exited(0) }
  public var description: String {
    switch self {
    case .exited(let code): "exited with status \(code)"
    case .signalled(let signal): "ended by signal \(signal)"
    }
  }
}

/// What went wrong in a test's surroundings, in words.
public struct TestSupportError: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// A process that a test runs: a service, a client, a script.
///
/// Its output goes to files, so that it never blocks on us; it inherits no descriptor and no signal mask. What
/// still runs when this object goes, or when the test process exits, is killed.
public final class Subprocess: Sendable {
  public let pid: Int32
  private let program: String
  private let outputs: Outputs
  private let ended = Lock<ExitStatus?>(nil)

  /// Starts `program` (found in PATH when it holds no slash).
  ///
  /// Its environment is this process's without `SLIDING_STOCK_…`, so that a test gets the settings that it gives and
  /// no others, and with `environment` on top. `directory` is where it runs; `input` is the path of its standard input. One
  /// that `diesWithUs` is killed even when this process is.
  public init(
    _ program: String, _ arguments: [String] = [], environment: [String: String] = [:],
    directory: String? = nil, input: String = "/dev/null", diesWithUs: Bool = false
  ) throws {
    self.program = program
    let outputs = try Outputs()
    self.outputs = outputs
    if diesWithUs {
      let words = ["--pdeathsig", "KILL", program] + arguments
      pid = try Spawner.run {
        try spawn(
          "setpriv", words, environment: environment, directory: directory, input: input,
          outputs: outputs)
      }
    } else {
      pid = try spawn(
        program, arguments, environment: environment, directory: directory, input: input,
        outputs: outputs)
    }
    LiveProcesses.add(pid)
  }

  deinit {
    if isRunning {
      signal(SIGKILL)
      _ = try? wait(within: 10)
    }
  }

  /// What it has written to standard output so far.
  public var output: String { outputs.standard }
  /// What it has written to standard error so far.
  public var errorOutput: String { outputs.error }
  /// The file that receives its standard output, for reading a long one piece by piece.
  public var outputPath: String { outputs.standardPath }

  public var isRunning: Bool { reap() == nil }

  /// Sends a signal, unless it has ended.
  public func signal(_ signal: Int32) {
    ended.withLock { status in
      // Not reaped yet, so the pid is still its own.
      if status == nil { _ = Glibc.kill(pid, signal) }
    }
  }

  /// Waits for its end; throws, with what it wrote last, when it still runs after that many seconds.
  @discardableResult
  public func wait(within seconds: Double) throws -> ExitStatus {
    let deadline = MonotonicTime.after(ms: Int(seconds * 1_000))
    while true {
      if let status = reap() { return status }
      if deadline <= .now {
        throw TestSupportError(
          "\(program) (process \(pid)) still runs after \(seconds) s; its output ends:\n\(tail)")
      }
      usleep(5_000)
    }
  }

  /// SIGTERM, then its exit status; throws when it doesn't end in time.
  @discardableResult
  public func terminate(within seconds: Double = 15) throws -> ExitStatus {
    signal(SIGTERM)
    return try wait(within: seconds)
  }

  /// The last of both outputs, for messages.
  public var tail: String { String(output.suffix(2_000)) + String(errorOutput.suffix(2_000)) }

  private func reap() -> ExitStatus? {
    ended.withLock { known in
      if known != nil { return known }
      var status: Int32 = 0
      guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
      let signal = status & 0x7f
      known = signal == 0 ? .exited((status >> 8) & 0xff) : .signalled(signal)
      LiveProcesses.remove(pid)
      return known
    }
  }

  /// Runs a program to its end and gives its output; throws, with what it said, unless it exits with status 0.
  @discardableResult
  public static func run(
    _ program: String, _ arguments: [String] = [], environment: [String: String] = [:],
    directory: String? = nil, within seconds: Double = 60
  ) throws -> String {
    let process = try Subprocess(
      program, arguments, environment: environment, directory: directory)
    let status = try process.wait(within: seconds)
    guard status.isSuccess else {
      throw TestSupportError("\(program) \(arguments) \(status):\n\(process.tail)")
    }
    return process.output
  }
}

/// The children of this process that still run, for its end.
private enum LiveProcesses {
  private static let pids = Lock<Set<pid_t>>([])
  private static let registered: Void = {
    atexit { LiveProcesses.killAll() }
  }()

  static func add(_ pid: pid_t) {
    _ = registered
    pids.withLock { _ = $0.insert(pid) }
  }

  static func remove(_ pid: pid_t) { pids.withLock { _ = $0.remove(pid) } }

  private static func killAll() {
    for pid in pids.withLock({ $0 }) { kill(pid, SIGKILL) }
  }
}
