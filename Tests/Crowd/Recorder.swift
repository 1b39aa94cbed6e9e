import Glibc

/// Every answer as a JSON line in a file. Ids need no escapes; whatever else a reply said is left out.
final class Recorder {
  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private let startNs: Int64

  /// Creates or empties the file. Nil when that fails; errno says why.
  init?(path: String, startNs: Int64) {
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    self.startNs = startNs
    if descriptor < 0 { return nil }
  }

  deinit { close(descriptor) }

  func write(_ told: Told, _ errand: Errand) {
    append("{\"sentUs\":\((told.sentNs - startNs) / 1_000),\"latencyUs\":")
    append("\((told.answeredNs - told.sentNs) / 1_000),\"user\":\"\(errand.story.user)\"")
    if let request = errand.story.request { append(",\"request\":\"\(request)\"") }
    // Whoever reads this must know that the request's name came by an answer, not with the call.
    if !errand.plan.isKeyed { append(",\"keyed\":false") }
    append(",\"call\":\"\(told.call)\",\"service\":\(told.address),\"status\":\(told.status)")
    switch told.answer {
    case .claimed(let slot, let request, let replayed):
      append(",\"answer\":\"claimed\",\"slot\":\(slot),\"replayed\":\(replayed)")
      if request != errand.story.request { append(",\"answeredAs\":\"\(request)\"") }
    case .pending(let request):
      append(",\"answer\":\"pending\"")
      if let request, request != errand.story.request { append(",\"answeredAs\":\"\(request)\"") }
    case .released: append(",\"answer\":\"released\"")
    case .refused(let code): append(",\"answer\":\"refused\",\"code\":\"\(code)\"")
    case .later(let code, _): append(",\"answer\":\"later\",\"code\":\"\(code)\"")
    case .unknown(let how): append(",\"answer\":\"unknown\",\"how\":\"\(how)\"")
    case .wrong: append(",\"answer\":\"wrong\"")
    }
    append("}\n")
    if buffer.count > 65_536 { flush() }
  }

  /// False when the file could not take it.
  @discardableResult
  func flush() -> Bool {
    var rest = buffer[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress!, $0.count) }
      if count < 0 && errno != EINTR { break }
      rest = rest.dropFirst(max(0, count))
    }
    buffer.removeAll(keepingCapacity: true)
    return rest.isEmpty
  }

  private func append(_ text: String) { buffer.append(contentsOf: text.utf8) }
}
