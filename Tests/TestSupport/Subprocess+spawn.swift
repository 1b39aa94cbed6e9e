import CLinux
import Glibc

/// The two files that a process writes to; removed with this object.
final class Outputs: Sendable {
  private let directory: String
  var standardPath: String { directory + "/stdout" }
  var errorPath: String { directory + "/stderr" }

  private let cleanUp: CleanUp

  init() throws {
    let directory = try temporaryDirectory("subprocess")
    self.directory = directory
    cleanUp = CleanUp {
      unlink(directory + "/stdout")
      unlink(directory + "/stderr")
      rmdir(directory)
    }
  }

  deinit { cleanUp.run() }

  var standard: String { readFile(standardPath) ?? "" }
  var error: String { readFile(errorPath) ?? "" }
}

/// Makes an empty folder below TMPDIR or /tmp; its owner removes it.
public func temporaryDirectory(_ name: String) throws -> String {
  let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
  var template = Array("\(base)/stock-\(name).XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else {
    throw TestSupportError("mkdtemp in \(base): \(String(cString: strerror(errno)))")
  }
  return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// A whole file as text; nil when it can't be read.
public func readFile(_ path: String) -> String? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65_536)
  while true {
    let count = read(descriptor, &buffer, buffer.count)
    if count < 0 && errno == EINTR { continue }
    if count < 0 { return nil }
    if count == 0 { return String(decoding: bytes, as: UTF8.self) }
    bytes.append(contentsOf: buffer[..<count])
  }
}

func spawn(
  _ program: String, _ arguments: [String], environment: [String: String], directory: String?,
  input: String, outputs: Outputs
) throws -> pid_t {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  let create = O_WRONLY | O_CREAT | O_APPEND
  posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
  posix_spawn_file_actions_addopen(&actions, 1, outputs.standardPath, create, 0o600)
  posix_spawn_file_actions_addopen(&actions, 2, outputs.errorPath, create, 0o600)
  posix_spawn_file_actions_addclosefrom_np(&actions, 3)
  if let directory { posix_spawn_file_actions_addchdir_np(&actions, directory) }

  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  var none = sigset_t()
  sigemptyset(&none)
  var all = sigset_t()
  sigfillset(&all)
  posix_spawnattr_setsigmask(&attributes, &none)
  posix_spawnattr_setsigdefault(&attributes, &all)
  posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

  let words = [program] + arguments
  let variables = childEnvironment(adding: environment).map { "\($0.key)=\($0.value)" }
  var pid: pid_t = 0
  let status = withCStrings(words) { argv in
    withCStrings(variables) { envp in
      posix_spawnp(&pid, program, &actions, &attributes, argv, envp)
    }
  }
  guard status == 0 else {
    throw TestSupportError("cannot start \(program): \(String(cString: strerror(status)))")
  }
  return pid
}

private func childEnvironment(adding more: [String: String]) -> [String: String] {
  var variables: [String: String] = [:]
  var entry = environ
  while let text = entry.pointee {
    let halves = String(cString: text).split(
      separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    if halves.count == 2, !halves[0].hasPrefix("SLIDING_STOCK_") {
      variables[String(halves[0])] = String(halves[1])
    }
    entry += 1
  }
  return variables.merging(more) { $1 }
}

private func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
  defer { for pointer in pointers { free(pointer) } }
  return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
}
