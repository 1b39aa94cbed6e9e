import Foundation

/// What a process takes now, from /proc; nil when it is gone.
struct ProcessFigures: Sendable {
  let rssKB, descriptors, threads: Int

  init?(pid: Int32) {
    guard let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8),
      let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")
    else { return nil }
    func field(_ name: String) -> Int? {
      guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(name + ":") })
      else { return nil }
      return line.split(whereSeparator: { " \t".contains($0) }).dropFirst().first.flatMap {
        Int($0)
      }
    }
    guard let resident = field("VmRSS"), let threads = field("Threads") else { return nil }
    (rssKB, descriptors, self.threads) = (resident, open.count, threads)
  }
}
