import Foundation
import TestSupport
import Testing

/// The README's commands for playing, taken from it and run as they are printed.
@Suite(.serialized) struct ReadmeTests {
  @Test func theLinesForPlayingWork() throws {
    let stack = try LocalStack.start(LocalStack.Part.allCases)
    defer { stack.end() }
    let environment = stack.serviceEnvironment
    try Subprocess.run(builtProduct("StockSyncWorker"), ["migrate"], environment: environment)
    let draw = try Service(
      "DrawService", ["--http-host", "127.0.0.1", "--http-port", "0"], environment)
    let worker = try Service("StockSyncWorker", ["run"], environment)
    func readiness() -> String? {
      draw.port.flatMap { try? HTTPTestClient(port: $0).send("GET", "/readyz").text }
    }
    // Nothing is known in a Redis that no activity was put into.
    try #require(eventually(within: 30) { readiness() == "not ready: fenced\n" })

    // What the demo leaves: the stack's folder with its environment, the pair's address and programs in it.
    let folder = try temporaryDirectory("readme")
    let files = FileManager.default
    defer { try? files.removeItem(atPath: folder) }
    let programs = try URL(fileURLWithPath: builtProduct("DrawService")).deletingLastPathComponent()
    try files.createDirectory(
      atPath: "\(stack.directory)/service-draw-1", withIntermediateDirectories: true)
    try "\(draw.port!)\n".write(
      toFile: "\(stack.directory)/service-draw-1/port", atomically: true, encoding: .utf8)
    try "\(programs.path)\n".write(
      toFile: "\(stack.directory)/binaries", atomically: true, encoding: .utf8)
    try Subprocess.run("\(projectDirectory)/deploy/local/stack", ["up", "--dir", stack.directory])
    try files.createDirectory(atPath: "\(folder)/.local", withIntermediateDirectories: true)
    try files.createSymbolicLink(
      atPath: "\(folder)/.local/demo", withDestinationPath: stack.directory)

    let blocks = try Self.blocks()
    #expect(blocks.map(\.name) == ["environment", "activity", "curl", "redis-cli", "kcat", "psql"])
    func run(_ name: String) throws -> String {
      let wanted = blocks.filter { $0.name == "environment" || $0.name == name }
      let script = "set -euo pipefail\n" + wanted.map(\.text).joined(separator: "\n")
      return try Subprocess.run("bash", ["-c", script], directory: folder)
    }

    let activity = try run("activity")
    #expect(activity.contains("open"))
    #expect(eventually(within: 10) { readiness() == "ready\n" })
    let curl = try run("curl")
    for text in [
      #""slot":1"#, #""status":"claimed""#, #""status":"released""#, #""left":9"#, "ready",
    ] {
      #expect(curl.contains(text), "\(text) in:\n\(curl)")
    }
    #expect(curl.components(separatedBy: "HTTP/1.1 200 OK").count == 9)
    let redis = try run("redis-cli")
    for text in ["total", "ann ", "bob-1:2:2:r", "outbox"] {
      #expect(redis.contains(text), "\(text) in:\n\(redis)")
    }
    let kcat = try run("kcat")
    #expect(kcat.contains(#" 7_1 {"v":1,"type":"claimed","activity":7,"slot":1,"#), "\(kcat)")
    #expect(kcat.contains(#""type":"released""#), "\(kcat)")
    // The worker applies at its own pace.
    #expect(
      try eventually(within: 30) { try words(run("psql")).contains("| released | bob | bob-1 |") })
    let psql = try words(run("psql"))
    #expect(psql.contains("7 | A try | 10 | 9 | open"), "\(psql)")
    for service in [draw, worker] { #expect(try service.process.terminate() == .exited(0)) }
  }

  /// The text with one space between words, whatever the columns' widths.
  private func words(_ text: String) -> String {
    text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  /// Blocks that are marked `<!-- tried: NAME -->`.
  private static func blocks() throws -> [(name: String, text: String)] {
    let readme = try #require(readFile("\(projectDirectory)/README.md"))
    return readme.components(separatedBy: "<!-- tried: ").dropFirst().map { part in
      let name = String(part.prefix { $0 != " " })
      let text = part.components(separatedBy: "```sh\n")[1].components(separatedBy: "```")[0]
      return (name, text)
    }
  }
}
