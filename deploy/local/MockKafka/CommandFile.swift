import Glibc

/// A file that a command comes in, moved into place, and the one beside it that its reply goes to.
///
/// The command is `ID WORD…`, the reply `ID ok …` or `ID error …`. One at a time: who sends waits for its reply.
struct CommandFile {
  private static let lineLimit = 1_000

  let path: String

  /// Carries out the command that is there, if one is.
  func serve(_ carryOut: ([String]) throws(Problem) -> String) throws(Problem) {
    guard let line = try take() else { return }
    let words = line.split(separator: " ").map(String.init)
    let reply: String
    do throws(Problem) {
      reply = "ok \(try carryOut(Array(words.dropFirst())))"
    } catch {
      reply = "error \(error)"
    }
    try write("\(words.first ?? "?") \(reply)\n", to: path + ".reply")
  }

  private func take() throws(Problem) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 && errno == ENOENT { return nil }
    guard descriptor >= 0 else { throw Problem(description: "\(path): \(reason())") }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: Self.lineLimit)
    let count = read(descriptor, &buffer, buffer.count)
    guard count >= 0, unlink(path) == 0 else {
      throw Problem(description: "\(path): \(reason())")
    }
    // A line that is too long is no command.
    let end = buffer[..<count].firstIndex(of: UInt8(ascii: "\n")) ?? 0
    return String(decoding: buffer[..<end], as: UTF8.self)
  }
}
