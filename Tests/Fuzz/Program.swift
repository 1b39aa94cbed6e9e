// DESIGN
// One program holds all fuzzers, so that it is linked once: the variable FUZZER names the one to run (libFuzzer starts
// itself anew for some of its modes, which keep the environment), the arguments are libFuzzer's.
// A fuzzer is a function that is given bytes and judges what our code makes of them; `demand` ends the process where a
// promise is broken, which libFuzzer reports with the bytes, as it does a trap of ours.

import Glibc

/// What libFuzzer calls: a fuzzer's judgement of some bytes; false: not worth keeping in the corpus.
typealias Fuzzer = @Sendable ([UInt8]) -> Bool

@main
enum Program {
  static let fuzzers: [String: Fuzzer] = [
    "command": CommandFuzzer.judge, "configuration": ConfigurationFuzzer.judge,
    "event": EventFuzzer.judge, "http": HTTPFuzzer.judge, "redis": RedisFuzzer.judge,
  ]

  /// libFuzzer's callback is a C function and captures nothing.
  private static let chosen: Fuzzer? = getenv("FUZZER").flatMap { fuzzers[String(cString: $0)] }

  static func main() {
    guard chosen != nil else {
      print("FUZZER is none of \(fuzzers.keys.sorted().joined(separator: " "))")
      exit(2)
    }
    var count = CommandLine.argc
    var arguments = CommandLine.unsafeArgv
    exit(runDriver(&count, &arguments, callback))
  }

  fileprivate static func judge(_ bytes: [UInt8]) -> Bool { chosen!(bytes) }
}

private func callback(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  Program.judge(Array(UnsafeBufferPointer(start: start, count: count))) ? 0 : -1
}

/// Of libFuzzer.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ argumentCount: UnsafeMutablePointer<Int32>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ judge: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32
