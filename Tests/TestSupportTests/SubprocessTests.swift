import Glibc
import TestSupport
import Testing

@Suite struct SubprocessTests {
  @Test func outputAndStatusArrive() throws {
    let process = try Subprocess(
      "sh", ["-c", "echo $WORD; echo bad >&2; exit 3"], environment: ["WORD": "good"])
    #expect(try process.wait(within: 10) == .exited(3))
    #expect(process.output == "good\n")
    #expect(process.errorOutput == "bad\n")
  }

  @Test func theServicesSettingsAreNotInherited() throws {
    setenv("SLIDING_STOCK_TEST", "leaks", 1)
    let output = try Subprocess.run("sh", ["-c", "echo ${SLIDING_STOCK_TEST:-absent}"])
    #expect(output == "absent\n")
  }

  @Test func aRunningProcessIsWaitedForUntilTheDeadlineAndEndsBySignal() throws {
    let process = try Subprocess("sleep", ["60"])
    #expect(throws: TestSupportError.self) { try process.wait(within: 0.05) }
    #expect(process.isRunning)
    #expect(try process.terminate(within: 10) == .signalled(SIGTERM))
    #expect(!process.isRunning)
  }

  @Test func whatNobodyHoldsAnyMoreIsKilled() throws {
    var process: Subprocess? = try Subprocess("sleep", ["60"])
    let pid = try #require(process?.pid)
    process = nil
    #expect(kill(pid, 0) == -1)
  }

  @Test func noDescriptorIsInherited() throws {
    let descriptor = open("/dev/null", O_RDONLY)
    defer { close(descriptor) }
    let listing = try Subprocess.run("ls", ["/proc/self/fd"])
    // 0, 1, 2 and the one that reads the folder.
    #expect(listing.split(separator: "\n").count == 4)
  }

  @Test func failedRunsThrowWithWhatTheProgramSaid() throws {
    let error = #expect(throws: TestSupportError.self) {
      try Subprocess.run("sh", ["-c", "echo reason >&2; exit 1"])
    }
    #expect(error?.description.contains("reason") == true)
  }

  @Test func theProductsLieBesideTheTests() throws {
    #expect(try builtProduct("MockKafka").hasSuffix("/MockKafka"))
    #expect(throws: TestSupportError.self) { try builtProduct("Nonesuch") }
  }
}
