import Glibc
import HTTPServer
import Threads

/// Run in a process of its own, for it takes all descriptors away.
enum DescriptorFamine {
  static func run() throws {
    let server = try HTTPServer(host: "127.0.0.1", port: 0, handler: EchoHandler())
    let early = try Client(port: server.port)
    try require(early.get("/").status == 200, "served before")

    var taken = rlimit(rlim_cur: 256, rlim_max: 256)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &taken)
    var fillers: [Int32] = []
    while case let filler = dup(0), filler >= 0 { fillers.append(filler) }
    try require(errno == EMFILE && fillers.count > 10, "descriptors are gone")

    close(fillers.removeLast())
    let late = try Client(port: server.port)  // takes the last one
    let before = cpuMs()
    try require((try? late.readToEnd()) ?? "" == "", "the newcomer is closed")
    try require(eventually { server.statistics.acceptFailures >= 1 }, "the failure is counted")
    let start = MonotonicTime.now
    while MonotonicTime.now.microseconds(since: start) < 500_000 { usleep(10_000) }
    try require(cpuMs() - before < 250, "the loop does not spin: \(cpuMs() - before) ms")
    try require(early.get("/").status == 200, "who is in is served")

    for filler in fillers { close(filler) }
    try require(Client(port: server.port).get("/").status == 200, "newcomers are served again")
    try require(server.drain(until: .after(ms: 5_000)), "drained")
  }

  private static func require(_ condition: @autoclosure () throws -> Bool, _ what: String) throws {
    if try !condition() { throw Client.Failure(what) }
  }

  private static func cpuMs() -> Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
    return seconds * 1_000 + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1_000
  }
}
