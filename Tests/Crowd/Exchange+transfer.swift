import CCurl
import Glibc
import Threads

/// One easy handle with the memory that it points into.
final class Transfer {
  let number: Int
  let easy: UnsafeMutableRawPointer
  private var body: [UInt8] = []
  private var ticket = 0
  private var call = Call.ask
  private var address = 0
  private var sentNs: Int64 = 0
  private let lines: HeaderLines
  private var url: [UInt8] = []

  /// Replies are cut off beyond this; the API's are a few hundred bytes.
  private static let bodyBytesMax = 65_536

  init(number: Int, timeoutMs: Int) {
    self.number = number
    easy = curl_easy_init()!
    lines = HeaderLines()
    body.reserveCapacity(1_024)
    easy_set_pointer(easy, CURLOPT_PRIVATE, UnsafeRawPointer(bitPattern: number + 1))
    easy_set_pointer(easy, CURLOPT_WRITEDATA, Unmanaged.passUnretained(self).toOpaque())
    easy_set_write(easy) { bytes, size, count, me in
      Unmanaged<Transfer>.fromOpaque(me!).takeUnretainedValue().receive(bytes!, size * count)
    }
    easy_set_long(easy, CURLOPT_NOSIGNAL, 1)
    easy_set_long(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    easy_set_long(easy, CURLOPT_TIMEOUT_MS, timeoutMs)
    easy_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, min(timeoutMs, 3_000))
    easy_set_pointer(easy, CURLOPT_PROXY, "")  // whatever the environment says
    easy_set_pointer(easy, CURLOPT_POSTFIELDS, "")
    easy_set_long(easy, CURLOPT_POSTFIELDSIZE, 0)
  }

  func end(_ multi: UnsafeMutableRawPointer) {
    curl_multi_remove_handle(multi, easy)
    curl_easy_cleanup(easy)
  }

  /// Which transfer an easy handle belongs to.
  static func number(of easy: UnsafeMutableRawPointer) -> Int {
    var pointer: UnsafeMutableRawPointer?
    easy_info_pointer(easy, CURLINFO_PRIVATE, &pointer)
    return Int(bitPattern: pointer) - 1
  }

  func prepare(_ outgoing: Outgoing, path: [UInt8]) {
    ticket = outgoing.ticket
    call = outgoing.call
    address = outgoing.address
    body.removeAll(keepingCapacity: true)
    url.removeAll(keepingCapacity: true)
    url.append(contentsOf: call == .describe ? path.dropLast("/draws".utf8.count) : path[...])
    if call == .look || call == .giveBack, let request = outgoing.request {
      url.append(UInt8(ascii: "/"))
      url.append(contentsOf: request.utf8)
    }
    url.append(0)
    easy_set_pointer(easy, CURLOPT_URL, url)  // copied by libcurl
    let key = call == .ask ? outgoing.request : nil
    easy_set_pointer(easy, CURLOPT_HTTPHEADER, lines.fill(user: outgoing.user, key: key))
    easy_set_long(easy, call == .ask ? CURLOPT_POST : CURLOPT_HTTPGET, 1)
    easy_set_pointer(easy, CURLOPT_CUSTOMREQUEST, call == .giveBack ? "DELETE" : nil)
    sentNs = MonotonicTime.now.nanoseconds
  }

  func incoming(_ result: CURLcode) -> Incoming {
    var status = 0
    var retryAfterS: curl_off_t = 0
    if result == CURLE_OK {
      easy_info_long(easy, CURLINFO_RESPONSE_CODE, &status)
      if status == 503 { easy_info_offset(easy, CURLINFO_RETRY_AFTER, &retryAfterS) }
    }
    return Incoming(
      ticket: ticket, call: call, address: address, sentNs: sentNs,
      answeredNs: MonotonicTime.now.nanoseconds,
      status: status, body: body, retryAfterS: Int(retryAfterS), failure: failure(result))
  }

  private func failure(_ result: CURLcode) -> String? {
    switch result {
    case CURLE_OK: nil
    case CURLE_OPERATION_TIMEDOUT: "timeout"
    case CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_HOST: "unreachable"
    default: "cut"
    }
  }

  private func receive(_ bytes: UnsafeMutablePointer<CChar>, _ count: Int) -> Int {
    if body.count + count > Self.bodyBytesMax { return 0 }  // ends the call
    body.append(
      contentsOf: UnsafeRawBufferPointer(start: bytes, count: count))
    return count
  }
}

/// The header lines of one transfer, in memory of its own, for libcurl only reads them: no allocation per call.
final class HeaderLines {
  private static let lineBytesMax = 160
  private let nodes: UnsafeMutablePointer<curl_slist>
  private let text: UnsafeMutablePointer<CChar>

  init() {
    nodes = .allocate(capacity: 3)
    text = .allocate(capacity: 3 * Self.lineBytesMax)
    for index in 0..<3 {
      nodes[index] = curl_slist(data: text + index * Self.lineBytesMax, next: nil)
    }
    write("Content-Type:", "", at: 0)  // none: there is no body
  }

  deinit {
    nodes.deallocate()
    text.deallocate()
  }

  /// Valid until the next call.
  func fill(user: String, key: String?) -> UnsafePointer<curl_slist> {
    write("X-User-Id: ", user, at: 1)
    nodes[0].next = nodes + 1
    nodes[1].next = nil
    if let key {
      write("Idempotency-Key: ", key, at: 2)
      nodes[1].next = nodes + 2
    }
    return UnsafePointer(nodes)
  }

  private func write(_ name: StaticString, _ value: String, at index: Int) {
    let line = text + index * Self.lineBytesMax
    precondition(name.utf8CodeUnitCount + value.utf8.count < Self.lineBytesMax)
    var end = 0
    name.withUTF8Buffer {
      for byte in $0 {
        line[end] = CChar(bitPattern: byte)
        end += 1
      }
    }
    for byte in value.utf8 {
      line[end] = CChar(bitPattern: byte)
      end += 1
    }
    line[end] = 0
  }
}
