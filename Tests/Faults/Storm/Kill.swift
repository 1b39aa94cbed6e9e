import Foundation
import TestSupport

/// One SIGKILL of a storm of them.
struct Kill: Equatable, Sendable {
  enum Service: String, Sendable, CaseIterable { case draw, worker }

  let service: Service
  let instance: String
  /// Since the storm began.
  let atMs: Int
  /// Until this instance was in service again: a DrawService ready, a worker applying. Nil: it was killed once more
  /// before.
  var backMs: Int?
}

/// `Tests/Faults/kills.csv`: all kills of one storm, in order.
enum KillsFile {
  static let path = projectDirectory + "/Tests/Faults/kills.csv"
  static let header = "commit,seed,service,instance,at_ms,back_ms"

  static func text(_ kills: [Kill], commit: String, seed: UInt64) -> String {
    let lines = kills.map { kill in
      "\(commit),\(seed),\(kill.service.rawValue),\(kill.instance),\(kill.atMs),"
        + (kill.backMs.map(String.init) ?? "")
    }
    return ([header] + lines).joined(separator: "\n") + "\n"
  }

  /// Nil when it is not such a file.
  static func kills(_ text: String) -> [Kill]? {
    let lines = text.split(separator: "\n")
    guard lines.first.map(String.init) == header else { return nil }
    let kills = lines.dropFirst().map { line -> Kill? in
      let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      guard fields.count == 6, let service = Kill.Service(rawValue: fields[2]),
        let atMs = Int(fields[4]), fields[5].isEmpty || Int(fields[5]) != nil
      else { return nil }
      return Kill(service: service, instance: fields[3], atMs: atMs, backMs: Int(fields[5]))
    }
    return kills.contains(nil) ? nil : kills.compactMap(\.self)
  }
}
