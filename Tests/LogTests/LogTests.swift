import Foundation
import JSONBytes
import Log
import TestSupport
import Testing
import Threads

/// The fields of a line in order, read by our own strict reader.
private func fields(_ line: String) throws -> [(name: String, value: JSONValue)] {
  var fields: [(name: String, value: JSONValue)] = []
  try JSONReader.object(Array(line.utf8)) { fields.append(($0, $1)) }
  return fields
}

private func event(_ line: String) throws -> JSONValue? {
  try fields(line).first { $0.name == "event" }?.value
}

/// The writer threads of this process.
private func logThreads() -> Set<String> {
  let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
  return Set(all.filter { (readFile("/proc/self/task/\($0)/comm") ?? "").hasPrefix("log") })
}

/// Whether a thread has called `write`, however that went.
private func hasWritten(_ thread: String) -> Bool {
  let counts = (readFile("/proc/self/task/\(thread)/io") ?? "").split(separator: "\n")
  return counts.contains { $0.hasPrefix("syscw:") && !$0.hasSuffix(": 0") }
}

@Suite(.timeLimit(.minutes(3))) struct LogTests {
  @Test func aLineHasTheStableFieldsInOrderAndThenTheEventsOwn() throws {
    let pipe = LogPipe()
    let log = Log(service: "draw", instance: "a-1", descriptor: pipe.writeEnd)
    log.warning(
      "something_odd",
      [
        "text": "a\"b\nü", "count": 3, "share": 0.25, "flag": true, "list": [1, "x"],
        "object": ["b": 1, "a": [:]], "large": .int(UInt64.max), "nothing": .number(.nan),
      ])
    log.close(until: .after(ms: 5_000))
    pipe.closeWriteEnd()
    let lines = pipe.lines()
    try #require(lines.count == 1)
    let read = try fields(lines[0])
    #expect(
      read.map(\.name) == [
        "time", "level", "service", "instance", "event", "text", "count", "share", "flag", "list",
        "object", "large", "nothing",
      ])
    #expect(
      read.dropFirst().map(\.value) == [
        .string("warning"), .string("draw"), .string("a-1"), .string("something_odd"),
        .string("a\"b\nü"), .integer(3), .number("0.250"), .bool(true), .nested, .nested,
        .integer(.max), .null,
      ])
    #expect(
      lines[0].hasSuffix(
        #""list":[1,"x"],"object":{"b":1,"a":{}},"large":9223372036854775807,"nothing":null}"#))
    guard case .string(let time) = read[0].value else { throw CancellationError() }
    let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    #expect(abs(try Date(time, strategy: style).timeIntervalSinceNow) < 60)
  }

  @Test func levelsBelowItsOwnAreLeftOut() throws {
    let pipe = LogPipe()
    let log = Log(service: "s", instance: "i", level: .warning, descriptor: pipe.writeEnd)
    log.debug("one")
    log.info("two")
    log.warning("three")
    log.error("four")
    log.alarm("five")
    log.close(until: .after(ms: 5_000))
    pipe.closeWriteEnd()
    let events = try pipe.lines().map(event)
    #expect(events == [.string("three"), .string("four"), .string("five")])
    #expect(LogLevel(name: "alarm") == .alarm)
    #expect(LogLevel(name: "loud") == nil)
    #expect(LogLevel.allCases.map(\.name) == ["debug", "info", "warning", "error", "alarm"])
  }

  @Test(arguments: [true, false])
  func concurrentWritersLoseNothingAndNeverMixLines(_ isBlocking: Bool) throws {
    let pipe = LogPipe(isBlocking: isBlocking)
    let log = Log(service: "s", instance: "i", descriptor: pipe.writeEnd)
    let writers = (0..<4).map { writer in
      NamedThread("writer-\(writer)") {
        for number in 0..<1_000 {
          log.info("written", ["writer": .int(writer), "number": .int(number)])
        }
      }
    }
    let reader = Lock<[String]>([])
    let reading = NamedThread("reader") { reader.withLock { $0 = pipe.lines() } }
    for writer in writers { writer.join() }
    log.close(until: .after(ms: 20_000))
    pipe.closeWriteEnd()
    reading.join()
    var next = [Int64: Int64]()
    for line in reader.withLock({ $0 }) {
      let read = try fields(line)
      guard case .integer(let writer) = read[5].value, case .integer(let number) = read[6].value
      else { throw CancellationError() }
      #expect(number == next[writer, default: 0])
      next[writer] = number + 1
    }
    #expect(next == [0: 1_000, 1: 1_000, 2: 1_000, 3: 1_000])
  }

  @Test func aStalledReaderStallsNobodyAndWhatWasDroppedIsCountedAndSaid() throws {
    let pipe = LogPipe()
    pipe.fill()
    let log = Log(service: "s", instance: "i", descriptor: pipe.writeEnd)
    let offered = Log.capacity * 3
    let start = MonotonicTime.now
    for number in 0..<offered { log.info("many", ["number": .int(number)]) }
    #expect(MonotonicTime.now.microseconds(since: start) < 20_000_000)

    let lines = pipe.lines { $0.contains("\"log_dropped\"") }
    let last = try fields(try #require(lines.last))
    #expect(last.map(\.name) == ["time", "level", "service", "instance", "event", "lines"])
    #expect(last[1].value == .string("warning"))
    guard case .integer(let dropped) = last[5].value else { throw CancellationError() }
    #expect(dropped > 0)
    #expect(lines.count - 1 + Int(dropped) == offered)
    for (index, line) in lines.dropLast().enumerated() where index < Log.capacity / 2 {
      #expect(try fields(line)[5].value == .integer(Int64(index)))
    }

    // It goes on as if nothing had been, and says nothing of drops again.
    log.info("after")
    log.close(until: .after(ms: 5_000))
    pipe.closeWriteEnd()
    let after = try pipe.lines().map(event)
    #expect(after == [.string("after")])
  }

  @Test(arguments: [true, false])
  func closeKeepsItsDeadlineWhenTheReaderStalls(_ isBlocking: Bool) {
    let pipe = LogPipe(isBlocking: isBlocking)
    pipe.fill()
    let log = Log(service: "s", instance: "i", descriptor: pipe.writeEnd)
    log.info("never_read")
    let start = MonotonicTime.now
    log.close(until: start.adding(ms: 200))
    let tookUs = MonotonicTime.now.microseconds(since: start)
    #expect((200_000..<10_000_000).contains(tookUs))
    pipe.closeReadEnd()  // ends the writer thread
    log.close(until: .after(ms: 5_000))
    pipe.closeWriteEnd()
  }

  @Test func aReaderThatIsGoneEndsTheWriterAndLaterLinesAreLet() {
    let pipe = LogPipe()
    pipe.closeReadEnd()
    let log = Log(service: "s", instance: "i", descriptor: pipe.writeEnd)
    log.info("to_nobody")
    let start = MonotonicTime.now
    log.close(until: start.adding(ms: 20_000))
    #expect(MonotonicTime.now.microseconds(since: start) < 15_000_000)
    log.info("after_close")
    pipe.closeWriteEnd()
  }

  @Test func aDiskThatIsFullLosesNoLinesOnceThereIsRoom() throws {
    let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
    let others = logThreads()
    let log = Log(service: "s", instance: "i", descriptor: full)
    for number in 0..<100 { log.info("held", ["number": .int(number)]) }
    // Tried, and refused, at least once: what follows waits behind it.
    try #require(eventually { logThreads().subtracting(others).contains(where: hasWritten) })
    let pipe = LogPipe()
    try #require(dup2(pipe.writeEnd, full) == full)
    log.info("after")
    log.close(until: .after(ms: 10_000))
    close(full)
    pipe.closeWriteEnd()
    let events = try pipe.lines().map(event)
    #expect(events == Array(repeating: .string("held"), count: 100) + [.string("after")])
  }

  @Test func aDiskThatStaysFullDoesNotHoldTheEndUp() {
    let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
    let log = Log(service: "s", instance: "i", descriptor: full)
    log.info("nowhere")
    let start = MonotonicTime.now
    log.close(until: start.adding(ms: 20_000))
    #expect(MonotonicTime.now.microseconds(since: start) < 15_000_000)
    close(full)
  }

  @Test func twoThreadsMayCloseIt() {
    let pipe = LogPipe()
    let log = Log(service: "s", instance: "i", descriptor: pipe.writeEnd)
    log.info("line")
    let other = NamedThread("closer") { log.close(until: .after(ms: 10_000)) }
    log.close(until: .after(ms: 10_000))
    other.join()
    pipe.closeWriteEnd()
    #expect(pipe.lines().count == 1)
  }
}
