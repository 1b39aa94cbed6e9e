import Glibc
import Threads

/// Polls `condition` until it holds or that many seconds are over; says whether it held.
@discardableResult
public func eventually(
  within seconds: Double = 10, everyMs: Int = 10, _ condition: () throws -> Bool
) rethrows -> Bool {
  let deadline = MonotonicTime.after(ms: Int(seconds * 1_000))
  while true {
    if try condition() { return true }
    if deadline <= .now { return false }
    usleep(UInt32(everyMs) * 1_000)
  }
}

/// The same without blocking the task's thread.
@discardableResult
public func eventually(
  within seconds: Double = 10, everyMs: Int = 10, _ condition: () async throws -> Bool
) async throws -> Bool {
  let deadline = MonotonicTime.after(ms: Int(seconds * 1_000))
  while true {
    if try await condition() { return true }
    if deadline <= .now { return false }
    try await Task.sleep(nanoseconds: UInt64(everyMs) * 1_000_000)
  }
}

private let portsGiven = Lock<Set<Int>>([])

/// A TCP port that nothing on this machine uses, never given twice by this process, and below the ephemeral range,
/// so that it stays free while a server restarts.
public func freePort() -> Int {
  while true {
    let port = Int.random(in: 12_000..<32_000)
    if portsGiven.withLock({ $0.insert(port).inserted }), canBind(port) { return port }
  }
}

private func canBind(_ port: Int) -> Bool {
  let descriptor = tcpSocket()
  guard descriptor >= 0 else { return false }
  defer { close(descriptor) }
  return withAddress("0.0.0.0", port: port) { bind(descriptor, $0, $1) } == 0
}

/// SIGSTOP, and waits until every thread of the process stands still: a signal is on its way for a moment. SIGCONT is the
/// caller's.
public func freeze(_ pid: Int32) throws {
  kill(pid, SIGSTOP)
  let hasStopped = eventually(within: 10) {
    threadStates(of: pid).map { $0.allSatisfy { $0 == "T" } } ?? false
  }
  guard hasStopped else { throw TestSupportError("process \(pid) was not stopped within 10 s") }
}

/// A letter for each thread, as in `/proc/PID/task/TID/stat`; nil while they come and go.
private func threadStates(of pid: Int32) -> [Character]? {
  guard let folder = opendir("/proc/\(pid)/task") else { return nil }
  defer { closedir(folder) }
  var states: [Character] = []
  while let entry = readdir(folder) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if name.hasPrefix(".") { continue }
    // The name stands in parentheses and may hold any character: the state is behind the last.
    guard let stat = readFile("/proc/\(pid)/task/\(name)/stat"),
      let state = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].dropFirst(2).first
    else { return nil }
    states.append(state)
  }
  return states.isEmpty ? nil : states
}

private let productFolderLock = Lock<String?>(nil)

/// Where `builtProduct` finds executables instead of its own places; nil: there.
public var productFolder: String? {
  get { productFolderLock.withLock { $0 } }
  set { productFolderLock.withLock { $0 = newValue } }
}

/// The path of one of the package's executables: it lies in `productFolder`, or else beside the test bundle that is running, or, where none is,
/// beside the running executable.
public func builtProduct(_ name: String) throws -> String {
  let path = "\(try productFolder ?? runningFolder())/\(name)"
  guard access(path, X_OK) == 0 else {
    throw TestSupportError("\(path) is not built (swift build --build-tests builds it)")
  }
  return path
}

private func runningFolder() throws -> String {
  guard let running = testBundlePath() ?? executablePath() else {
    throw TestSupportError("neither a test bundle nor an executable is known of this process")
  }
  return String(running[..<(running.lastIndex(of: "/") ?? running.startIndex)])
}

/// The project's root folder, for its scripts and its README.
public let projectDirectory: String = {
  var parts = #filePath.split(separator: "/")
  parts.removeLast(3)  // Tests/TestSupport/Surroundings.swift
  return "/" + parts.joined(separator: "/")
}()

/// The bundle is a library or the executable itself: either way its file is in the list of mappings.
private func testBundlePath() -> Substring? {
  let maps = readFile("/proc/self/maps") ?? ""
  for line in maps.split(separator: "\n") where line.hasSuffix(".xctest") {
    if let start = line.firstIndex(of: "/") { return line[start...] }
  }
  return nil
}

private func executablePath() -> Substring? {
  guard let path = realpath("/proc/self/exe", nil) else { return nil }
  defer { free(path) }
  return Substring(String(cString: path))
}
