import Foundation
import TestSupport

/// The command `storm`.
enum StormRun {
  static let picturePath = projectDirectory + "/deploy/docs/kills.svg"

  /// Plays it; true when it was clean. Then, with `--record`, its kills and their picture are written.
  static func play(_ options: Options) throws -> Bool {
    let file = options.isRecording ? try RoundsFile.forThisCommit() : nil
    let storm = KillStorm(kills: options.kills)
    let seed = options.seed == 0 ? UInt64.random(in: 1..<(1 << 40)) : options.seed
    let runner = RoundRunner(output: options.output, keepsAll: options.isKeeping)
    defer { runner.end() }
    let outcome = runner.play(storm.fault, seed: seed)
    tell(outcome)
    guard outcome.isClean, let file else { return outcome.isClean }
    let kills = storm.kills
    try KillsFile.text(kills, commit: file.commit, seed: seed).write(
      toFile: KillsFile.path, atomically: true, encoding: .utf8)
    let title = "\(options.kills) SIGKILLs of each service in one sale: until service again"
    try KillsPicture(kills, title: title).svg.write(
      toFile: picturePath, atomically: true, encoding: .utf8)
    return true
  }
}
