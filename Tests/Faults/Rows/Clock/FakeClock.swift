import Foundation
import Glibc
import TestSupport

/// The wall clock of one process, as libfaketime shows it; it can jump at any time. The monotonic clocks stay true.
final class FakeClock {
  private static let library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
  private let file: String
  /// Its semaphore and its shared memory.
  private let shared: (String, String)
  /// A process that was killed leaves them.
  private let cleanUp: CleanUp

  /// Keeps its file in `folder`; true at first.
  init(in folder: String, name: String) throws {
    guard FileManager.default.fileExists(atPath: Self.library) else {
      throw TestSupportError("\(Self.library) is missing: Debian package faketime")
    }
    file = "\(folder)/\(name).clock"
    let number = UInt64.random(in: 0 ... .max)
    let names = (semaphore: "clock-sem-\(number)", memory: "clock-mem-\(number)")
    shared = ("/" + names.semaphore, "/" + names.memory)
    cleanUp = CleanUp {
      unlink("/dev/shm/sem.\(names.semaphore)")
      unlink("/dev/shm/\(names.memory)")
    }
    try jump(toSecondsOff: 0)
  }

  /// For the process that is to have it.
  var environment: [String: String] {
    [
      "LD_PRELOAD": Self.library, "FAKETIME_TIMESTAMP_FILE": file, "FAKETIME_NO_CACHE": "1",
      "FAKETIME_DONT_FAKE_MONOTONIC": "1",
      // Given, for it would be added: that moves the environment, by which Swift finds the program's arguments.
      "FAKETIME_SHARED": "\(shared.0) \(shared.1)",
    ]
  }

  deinit { cleanUp.run() }

  func jump(toSecondsOff seconds: Int) throws {
    let text = (seconds < 0 ? "\(seconds)" : "+\(seconds)") + "\n"
    try text.write(toFile: file, atomically: true, encoding: .utf8)
  }
}
