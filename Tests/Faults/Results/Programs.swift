import Foundation
import Glibc
import TestSupport

/// The programs that a recording runs: copies of its own, so that a build in its middle changes nothing.
enum Programs {
  /// Copies what is beside this program; the copies go at its exit.
  static func copy() throws {
    let folder = "\(projectDirectory)/.local/programs-\(getpid())"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    _ = CleanUp { try? FileManager.default.removeItem(atPath: folder) }
    for name in ["DrawService", "StockSyncWorker", "Crowd", "MockKafka"] {
      try FileManager.default.copyItem(atPath: builtProduct(name), toPath: "\(folder)/\(name)")
    }
    productFolder = folder
  }
}
