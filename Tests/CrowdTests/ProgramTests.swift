import Glibc
import HTTPServer
import TestSupport
import Testing

@testable import Crowd

/// The executable: its exit statuses, its output, how it stops.
@Suite struct ProgramTests {
  private func start(_ stock: PlayedStock, _ arguments: [String]) throws -> (
    HTTPServer, Subprocess
  ) {
    let server = try HTTPServer(host: "127.0.0.1", port: 0, handler: stock)
    let crowd = try Subprocess(
      builtProduct("Crowd"),
      [
        "--url", "http://127.0.0.1:\(server.port)", "--activity", "7", "--load-only",
        "--concurrency", "16",
      ] + arguments)
    return (server, crowd)
  }

  @Test func keptIsZeroAndTheTableIsJSONToo() throws {
    let record = "\(try temporaryDirectory("crowd"))/record"
    let (server, crowd) = try start(
      PlayedStock(total: 100), ["--users", "300", "--until-held", "--json", "--record", record])
    #expect(try crowd.wait(within: 60) == .exited(0), "\(crowd.tail)")
    #expect(crowd.output.hasPrefix("{") && crowd.output.contains("\"distinctSlots\" : 100"))
    #expect(crowd.errorOutput.contains("distinct slots"))
    let lines = (readFile(record) ?? "").split(separator: "\n")
    #expect(lines.count > 300)
    #expect(lines.allSatisfy { $0.hasPrefix("{\"sentUs\":") && $0.hasSuffix("}") })
    server.stopAccepting()
  }

  @Test func brokenIsOne() throws {
    let (server, crowd) = try start(
      PlayedStock(total: 200, mistake: .sellsTwice), ["--users", "300", "--give-back", "0"])
    #expect(try crowd.wait(within: 60) == .exited(1), "\(crowd.tail)")
    #expect(crowd.output.contains("BROKEN 1"))
    server.stopAccepting()
  }

  @Test func usageIsTwo() throws {
    let crowd = try Subprocess(builtProduct("Crowd"), ["--unheard-of"])
    #expect(try crowd.wait(within: 60) == .exited(2))
    #expect(crowd.errorOutput.contains("--unheard-of"))
    #expect(try Subprocess.run(builtProduct("Crowd"), ["--help"]).contains("--until-held"))
  }

  @Test func unreachableAndUnfinishedAreThree() throws {
    let nobody = try Subprocess(
      builtProduct("Crowd"),
      [
        "--url", "http://127.0.0.1:\(freePort())", "--activity", "7", "--load-only",
        "--deadline", "1",
      ])
    let (server, late) = try start(
      PlayedStock(total: 300, mistake: .losesSlots),
      ["--users", "600", "--until-held", "--give-back", "0.5", "--deadline", "2"])
    #expect(try late.wait(within: 60) == .exited(3), "\(late.tail)")
    #expect(late.output.contains("not finished"))
    #expect(try nobody.wait(within: 60) == .exited(3))
    server.stopAccepting()
  }

  @Test(arguments: [true, false]) func aStopEndsTheAskingAndStillReports(_ bySignal: Bool) throws {
    let stock = PlayedStock(total: 100_000)
    let file = "\(try temporaryDirectory("crowd"))/stop"
    let (server, crowd) = try start(
      stock, ["--users", "1000000", "--requests-per-second", "500", "--stop-file", file])
    #expect(eventually { stock.asked > 50 })
    if bySignal {
      crowd.signal(SIGTERM)
    } else {
      _ = try Subprocess.run("touch", [file])
    }
    #expect(try crowd.wait(within: 60) == .exited(0), "\(crowd.tail)")
    #expect(crowd.output.contains("ok     1"))
    server.stopAccepting()
  }
}
