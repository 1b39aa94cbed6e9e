import Foundation
import Glibc

/// A program that reads a store: redis-cli, psql, kcat.
enum Tool {
  /// Longest run; a store at rest is read in a second or two.
  static let limitS = 60

  /// Runs it to its end with its output in a file.
  static func run(_ words: [String], into path: String) throws {
    let errors = path + ".errors"
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try newFile(path)
    process.standardError = try newFile(errors)
    let ended = DispatchSemaphore(value: 0)
    process.terminationHandler = { _ in ended.signal() }
    do { try process.run() } catch { throw Unreadable("\(words[0]) cannot be run: \(error)") }
    if ended.wait(timeout: .now() + .seconds(limitS)) == .timedOut {
      kill(process.processIdentifier, SIGKILL)
      ended.wait()
      throw Unreadable("\(words[0]) took longer than \(limitS) s: \(words)")
    }
    let said = (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
      throw Unreadable("\(words) ended with \(process.terminationStatus): \(said.suffix(500))")
    }
    try FileManager.default.removeItem(atPath: errors)
  }

  /// Runs it and gives its output.
  static func output(_ words: [String], by path: String) throws -> Data {
    try run(words, into: path)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try Data(contentsOf: URL(fileURLWithPath: path))
  }

  private static func newFile(_ path: String) throws -> FileHandle {
    guard FileManager.default.createFile(atPath: path, contents: nil),
      let handle = FileHandle(forWritingAtPath: path)
    else { throw Unreadable("\(path) cannot be written") }
    return handle
  }
}
