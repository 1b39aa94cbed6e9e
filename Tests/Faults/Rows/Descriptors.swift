import Foundation
import TestSupport

/// A process's limit of open files, lowered for a while. What is open stays so, whatever its number.
struct Descriptors {
  private let pid: Int32
  private let former: String

  init(of service: ServiceProcess) throws {
    pid = service.pid
    let text = try Subprocess.run(
      "prlimit", ["--pid", "\(pid)", "--nofile", "--raw", "--noheadings", "--output", "SOFT"])
    former = text.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Leaves so many numbers to be given; 0: none at all, for the first three are always taken.
  @discardableResult
  func lower(leaving count: Int) throws -> Int {
    let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")
    let taken = Set(open.compactMap { Int($0) })
    let limit = count == 0 ? 3 : (3...).lazy.filter { !taken.contains($0) }.prefix(count).max()! + 1
    try set("\(limit)")
    return limit
  }

  func lift() throws { try set(former) }

  private func set(_ soft: String) throws {
    try Subprocess.run("prlimit", ["--pid", "\(pid)", "--nofile=\(soft):"])
  }
}

extension ServiceProcess {
  /// Connections that this run of a DrawService could not accept, as its log says.
  var acceptFailures: Int {
    events("stats", lastRunAlone: true).reduce(0) { $0 + ($1["acceptFailures"] as? Int ?? 0) }
  }
}
