import RedisClient

/// The scripts as they are sent: the prologue that they share, then their own.
enum Scripts {
  static let claim = script("claim", PackageResources.claim_lua)
  static let release = script("release", PackageResources.release_lua)
  static let acknowledge = script("acknowledge", PackageResources.acknowledge_lua)
  static let look = script("look", PackageResources.look_lua)

  /// All of them, for a connection to load.
  static let all = [claim, release, acknowledge, look]

  private static func script(_ name: String, _ source: [UInt8]) -> RedisScript {
    RedisScript(name: name, source: PackageResources.prologue_lua + source)
  }
}
