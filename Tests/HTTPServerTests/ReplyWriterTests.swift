import Testing

@testable import HTTPServer

@Suite struct ReplyWriterTests {
  private func head(_ reply: HTTPReply, _ form: ReplyWriter.Form) -> [String] {
    var writer = ReplyWriter()
    writer.render(HTTPReply(status: 500, body: [1, 2, 3]), form)  // leaves nothing behind
    writer.render(reply, form)
    return String(decoding: writer.bytes, as: UTF8.self).components("\r\n")
      .filter { !$0.hasPrefix("Date: ") }
  }

  @Test func writesStatusHeadersAndBody() {
    let reply = HTTPReply(
      status: 503, contentType: "a/b", headers: [("Retry-After", "1")], body: Array("body".utf8))
    #expect(
      head(reply, ReplyWriter.Form(keepsAlive: true)) == [
        "HTTP/1.1 503 Service Unavailable", "Content-Type: a/b", "Content-Length: 4",
        "Retry-After: 1", "", "body",
      ])
    #expect(
      head(reply, ReplyWriter.Form(isHead: true)) == [
        "HTTP/1.1 503 Service Unavailable", "Content-Type: a/b", "Content-Length: 4",
        "Retry-After: 1", "Connection: close", "", "",
      ])
  }

  @Test func anUnnamedStatusAndOneWithoutABody() {
    let form = ReplyWriter.Form(keepsAlive: true, minorVersion: 0)
    #expect(
      head(HTTPReply(status: 299, contentType: ""), form) == [
        "HTTP/1.1 299 ", "Content-Length: 0", "Connection: keep-alive", "", "",
      ])
    #expect(
      head(HTTPReply(status: 304, contentType: "", body: [1]), form) == [
        "HTTP/1.1 304 Not Modified", "Connection: keep-alive", "", "",
      ])
  }

  @Test(arguments: [
    (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
    (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
  ]) func datesAreHTTPs(_ seconds: Int, _ text: String) {
    #expect(String(decoding: ReplyWriter.httpDate(seconds), as: UTF8.self) == text)
  }
}

extension String {
  fileprivate func components(_ separator: String) -> [String] {
    split(separator: separator, omittingEmptySubsequences: false).map(String.init)
  }
}
