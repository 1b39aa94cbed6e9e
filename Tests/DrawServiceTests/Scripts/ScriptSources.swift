import Foundation
import RedisClient

/// The scripts' sources as they stand in the source tree.
enum ScriptSources {
  /// One of DrawService's scripts, what they share before it.
  static func source(_ name: String) throws -> String {
    try text("DrawService/Scripts/prologue.lua") + text("Shared/StockRecords/records.lua")
      + text("DrawService/Scripts/\(name).lua")
  }

  static func script(_ name: String) throws -> RedisScript {
    RedisScript(name: name, source: Array(try source(name).utf8))
  }

  /// One of the worker's, what they share before it.
  static func preheat(_ name: String) throws -> RedisScript {
    let source =
      try text("StockSyncWorker/Preheat/server.lua") + text("StockSyncWorker/Preheat/\(name).lua")
    return RedisScript(name: name, source: Array(source.utf8))
  }

  private static func text(_ path: String) throws -> String {
    var folder = URL(filePath: #filePath)
    for _ in 0..<4 { folder.deleteLastPathComponent() }
    return try String(contentsOf: folder.appending(path: "Sources/\(path)"), encoding: .utf8)
  }
}
