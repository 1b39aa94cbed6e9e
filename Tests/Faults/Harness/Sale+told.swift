import Foundation
import TestSupport
import Threads

// DESIGN
// The checker wants to know of everybody who was told anything. Who draws besides the crowd writes lines of the same form,
// with times on the monotonic clock; when the crowd has ended they are put behind its own.

extension Sale {
  /// A second crowd on the same activity, as fast as it is served, that gives everything back in the end; its report.
  func extraCrowd(users: Int, concurrency: Int, within seconds: Double) throws -> ExtraCrowd {
    let path = folder + "/extra-\(nowUs()).jsonl"
    let urls = draws.flatMap { ["--url", "http://127.0.0.1:\($0.port)"] }
    let crowd = try Subprocess(
      builtProduct("Crowd"),
      urls + [
        "--activity", "\(deployment.activity)", "--users", "\(users)", "--first-user", "5000001",
        "--concurrency", "\(concurrency)", "--give-back", "1", "--over-limit", "0",
        "--second-chance", "0",
        "--claim-deadline-ms", "\(Deployment.claimDeadlineMs)", "--timeout-ms", "5000",
        "--patience", "100000", "--deadline", "\(Int(seconds))", "--settle", "30", "--load-only",
        "--json", "--record", path,
      ], environment: deployment.environment, diesWithUs: true)
    let status = try crowd.wait(within: seconds + 60)
    guard status == .exited(0) || status == .exited(3) else {
      throw TestSupportError("the second crowd \(status):\n\(crowd.tail)")
    }
    let report = try JSONDecoder().decode(ExtraCrowd.self, from: Data(crowd.output.utf8))
    for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
      guard var fields = fields(of: line), let sentUs = fields["sentUs"] as? Int64 else { continue }
      fields["sentUs"] = sentUs + report.startedUs
      add(told: fields)
    }
    try FileManager.default.removeItem(atPath: path)
    return report
  }

  /// One answer that somebody else was told: the fields of the crowd's record, `sentUs` on the monotonic clock.
  func add(told fields: [String: Any]) {
    guard let data = try? JSONSerialization.data(withJSONObject: fields) else { return }
    let line = String(decoding: data, as: UTF8.self)
    othersTold.withLock { $0.append(line) }
  }

  /// Puts what others were told behind what the crowd was told, when it has ended.
  func mergeTold() throws {
    let fromUs = try toldFromUs()
    let others = othersTold.withLock { lines in
      defer { lines = [] }
      return lines
    }
    let lines = try others.map { line in
      guard var fields = fields(of: line), let sentUs = fields["sentUs"] as? Int64 else {
        throw TestSupportError("not an answer: \(line)")
      }
      fields["sentUs"] = sentUs - fromUs
      return try JSONSerialization.data(withJSONObject: fields) + Data("\n".utf8)
    }
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: folder + "/told.jsonl"))
    try file.seekToEnd()
    for line in lines { try file.write(contentsOf: line) }
    try file.close()
  }

  private func fields(of line: some StringProtocol) -> [String: Any]? {
    (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any]
  }
}

/// What a second crowd came to.
struct ExtraCrowd: Decodable {
  let startedUs: Int64
  let asked: Int
  let claimed: Int
  let later: [String: Int]
  let undecided: Int
  let durationS: Double
}
