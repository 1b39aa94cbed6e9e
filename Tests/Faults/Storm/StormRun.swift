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
    try KillsFile.text(storm.kills, commit: file.commit, seed: seed).write(
      toFile: KillsFile.path, atomically: true, encoding: .utf8)
    try writePicture()
    return true
  }

  /// Draws the kills of `Tests/Faults/kills.csv` anew.
  static func writePicture() throws {
    guard let kills = KillsFile.kills(try String(contentsOfFile: KillsFile.path, encoding: .utf8))
    else { throw TestSupportError("\(KillsFile.path) is not a file of kills") }
    let title = "\(kills.count) SIGKILLs in one sale: until service again"
    try KillsPicture(kills, title: title).svg.write(
      toFile: picturePath, atomically: true, encoding: .utf8)
  }
}
