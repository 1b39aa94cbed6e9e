import Foundation
import Threads

/// Programs of the machine that tests run as clients, proxies and judges.
enum Programs {
  struct Outcome {
    let status: Int32
    let output: String
  }

  /// Its path, nil where it is not installed.
  static func find(_ name: String) -> String? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    let folders = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/bin", "/sbin"]
    return folders.map { "\($0)/\(name)" }.first {
      FileManager.default.isExecutableFile(atPath: $0)
    }
  }

  /// A Python that has the module, nil where there is none.
  static func python(with module: String) -> String? {
    for candidate in [find("python3"), "/usr/bin/python3"].compactMap({ $0 })
    where (try? run(candidate, ["-c", "import \(module)"], withinMs: 30_000))?.status == 0 {
      return candidate
    }
    return nil
  }

  /// Runs it to its end; past the limit it is killed and the run throws. The output is both streams'.
  static func run(
    _ program: String, _ arguments: [String], withinMs limit: Int = 20_000
  ) throws -> Outcome {
    let folder = try TemporaryFolder()
    let output = folder.file("output")
    let process = try start(program, arguments, output: output)
    guard eventually(withinMs: limit, { !process.isRunning }) else {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      throw Client.Failure("\(program) did not end in \(limit) ms: \(read(output))")
    }
    process.waitUntilExit()
    return Outcome(status: process.terminationStatus, output: read(output))
  }

  static func start(_ program: String, _ arguments: [String], output: String) throws -> Process {
    guard FileManager.default.createFile(atPath: output, contents: nil) else {
      throw Client.Failure("cannot write \(output)")
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle(forWritingAtPath: output)
    process.standardError = process.standardOutput
    try process.run()
    return process
  }

  static func read(_ path: String) -> String {
    // Not FileManager.contents, which leaks for an empty file and so fails under the address sanitizer.
    let bytes = try? FileHandle(forReadingAtPath: path)?.readToEnd()
    return String(decoding: bytes ?? Data(), as: UTF8.self)
  }
}

/// A folder that goes with its owner.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/http-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func write(_ name: String, _ text: String) throws -> String {
    try (text + "\n").write(toFile: file(name), atomically: true, encoding: .utf8)
    return file(name)
  }
}
