import Foundation

@testable import Crowd

/// What the crowd wrote down of its answers.
struct Record {
  /// Somebody was told a slot for the first time.
  struct Claim {
    let slot: Int
    let owner: Owner
    /// On the monotonic clock.
    let answeredUs: Int64
    /// Which DrawService said so.
    let service: Int
  }

  private struct Line: Decodable {
    let sentUs: Int64
    let latencyUs: Int64
    let user: String
    let request: String?
    let answeredAs: String?
    let service: Int
    let answer: String
    let slot: Int?
    let code: String?
  }

  /// In the order of the answers.
  private(set) var claims: [Claim] = []
  /// Every `claimed`, repeats too.
  private(set) var claimedUs: [(us: Int64, service: Int)] = []
  /// 503s by service and code.
  private(set) var refusals: [(us: Int64, service: Int, code: String)] = []
  private(set) var pendings: [(us: Int64, service: Int)] = []

  init(_ path: String, startedUs: Int64) throws {
    var known: Set<Owner> = []
    let decoder = JSONDecoder()
    for text in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
      let line = try decoder.decode(Line.self, from: Data(text.utf8))
      let us = startedUs + line.sentUs + line.latencyUs
      switch line.answer {
      case "claimed":
        claimedUs.append((us, line.service))
        let owner = Owner(line.user, line.answeredAs ?? line.request ?? "")
        if let slot = line.slot, known.insert(owner).inserted {
          claims.append(
            Claim(slot: slot, owner: owner, answeredUs: us, service: line.service))
        }
      case "pending": pendings.append((us, line.service))
      case "later": refusals.append((us, line.service, line.code ?? ""))
      default: break
      }
    }
  }

  /// How many of the lost claims had been told `claimed` when they were lost.
  func told(of loss: Loss) -> Int {
    claims.count { claim in
      claim.answeredUs < loss.atUs
        && loss.claims[claim.slot].map { Owner($0.user, $0.request) } == claim.owner
    }
  }

  /// The longest time without a new claim that a loss fell into or was followed by, until its recovery had ended.
  func longestPauseMs(around loss: Loss) -> Int64 {
    let pauses = zip(claims, claims.dropFirst()).filter {
      $1.answeredUs > loss.atUs && $0.answeredUs < loss.recoveredUs
    }
    return (pauses.map { $1.answeredUs - $0.answeredUs }.max() ?? 0) / 1_000
  }
}
