import Foundation
import Glibc
import TestSupport

/// A file system of its own for logs, that can be full. Needs the right to mount; ends with this object.
final class LogDisk: Sendable {
  let path: String
  private var filler: String { path + "/filler" }
  private static let pageBytes = 4_096
  private let cleanUp: CleanUp

  init(kilobytes: Int) throws {
    let path = try temporaryDirectory("logs")
    self.path = path
    cleanUp = CleanUp {
      // Lazily: a service that was not ended yet may still have its log open. Fails where nothing was mounted.
      umount2(path, Int32(MNT_DETACH))
      rmdir(path)
    }
    do {
      try Subprocess.run("mount", ["-t", "tmpfs", "-o", "size=\(kilobytes)k", "tmpfs", path])
    } catch {
      cleanUp.run()
      throw error
    }
  }

  deinit { cleanUp.run() }

  /// Takes all the room there is. Each file may still grow to the end of its last page.
  func fill() throws {
    let descriptor = open(filler, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw TestSupportError("\(filler) cannot be opened") }
    defer { close(descriptor) }
    let page = [UInt8](repeating: 0, count: Self.pageBytes)
    while write(descriptor, page, page.count) > 0 {}
    guard errno == ENOSPC else {
      throw TestSupportError("\(filler): \(String(cString: strerror(errno)))")
    }
  }

  func makeRoom() throws { try FileManager.default.removeItem(atPath: filler) }

  /// Blocks that are free.
  func free() throws -> Int {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { throw TestSupportError("no statvfs of \(path)") }
    return Int(status.f_bfree)
  }

  /// Whether a file ends with a page, so that not one byte more fits while the disk is full.
  static func isAtItsEnd(_ file: String) -> Bool {
    let size = bytes(of: file)
    return size > 0 && size % pageBytes == 0
  }

  /// Of the file behind any link.
  static func bytes(of file: String) -> Int {
    var status = stat()
    return stat(file, &status) == 0 ? Int(status.st_size) : 0
  }
}

/// Starts a service whose standard output is on the disk that `FAULTS_LOG_DISK` names, if it names one; what reads the log finds
/// it there by a link.
let onLogDisk = [
  "/bin/sh", "-c",
  """
  if [ -n "$FAULTS_LOG_DISK" ]; then
    log=$FAULTS_LOG_DISK/$SLIDING_STOCK_INSTANCE.$$
    ln -sf "$log" "$(readlink /proc/$$/fd/1)"
    exec "$0" "$@" >>"$log"
  fi
  exec "$0" "$@"
  """,
]
