import Foundation
import HTTPServer
import Testing
import Threads

/// Programs that people really put in front of a server.
@Suite(.timeLimit(.minutes(3))) struct WildClientTests {
  static let curl = Programs.find("curl")
  static let wrk = Programs.find("wrk")
  static let nginx = Programs.find("nginx")
  static let haproxy = Programs.find("haproxy")
  static let python = Programs.python(with: "requests")

  @Test(.enabled(if: curl != nil, "needs curl")) func curlIsServed() throws {
    let curl = try #require(Self.curl)
    let server = try HTTPServer(host: "127.0.0.1", port: 0, handler: EchoHandler())
    let url = "http://127.0.0.1:\(server.port)"
    func ask(_ arguments: String...) throws -> String {
      let common = ["-sS", "--max-time", "10", "-w", "|%{http_code}|%{num_connects}"]
      return try Programs.run(curl, common + arguments).output
    }
    #expect(try ask("\(url)/a?b=c") == "GET /a b=c []|200|1")
    #expect(try ask("-d", "x=y", "\(url)/p") == "POST /p - [x=y]|200|1")
    #expect(try ask("-X", "DELETE", "\(url)/d") == "DELETE /d - []|200|1")
    #expect(try ask("--http1.0", "\(url)/old") == "GET /old - []|200|1")
    #expect(try ask("--http2", "\(url)/up") == "GET /up - []|200|1")
    #expect(try ask("-I", "-o", "/dev/null", "\(url)/h") == "|200|1")
    #expect(try ask("\(url)/[1-2]") == "GET /1 - []|200|1GET /2 - []|200|0")
    let some = String(repeating: "x", count: 3_000)
    #expect(try ask("-H", "Expect: 100-continue", "-d", some, "\(url)/e").hasSuffix("x]|200|1"))

    let folder = try TemporaryFolder()
    let large = try folder.write("large", String(repeating: "x", count: 3_000_000))
    #expect(try ask("--data-binary", "@\(large)", "\(url)/l").hasSuffix("|413|1"))
    #expect(
      try ask("-H", "Expect:", "--data-binary", "@\(large)", "\(url)/l").contains("|413|1"))
    let chunked = try ask("-H", "Transfer-Encoding: chunked", "-d", "x", "\(url)/c")
    #expect(chunked.hasSuffix("|411|1"))
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test(.enabled(if: wrk != nil, "needs wrk")) func wrkIsServed() throws {
    let wrk = try #require(Self.wrk)
    let handler = BatchHandler()
    let server = try HTTPServer(host: "127.0.0.1", port: 0, handler: handler)
    handler.start(server)
    let outcome = try Programs.run(
      wrk, ["-t1", "-c100", "-d1s", "http://127.0.0.1:\(server.port)/"])
    #expect(outcome.status == 0)
    #expect(!outcome.output.contains("Non-2xx"), "\(outcome.output)")
    #expect(!outcome.output.contains("Socket errors"), "\(outcome.output)")
    #expect(server.statistics.replies > 1_000)
    #expect(server.statistics.refusals.isEmpty)
    #expect(server.drain(until: .after(ms: 5_000)))
    handler.stop()
  }

  static let requestsScript = """
    import requests, sys
    base = sys.argv[1]
    session = requests.Session()
    for number in range(50):
        assert session.get(f"{base}/{number}?a=b").text == f"GET /{number} a=b []"
        assert session.post(f"{base}/p", data="hello").text == "POST /p - [hello]"
    assert session.get(base, headers={"X-User-Id": "u", "Idempotency-Key": "k"}).ok
    assert session.head(base).headers["Content-Length"] == "11"
    assert session.delete(f"{base}/d").status_code == 200
    assert session.options(f"{base}/o").status_code == 200
    assert session.post(base, data=iter([b"a", b"b"])).status_code == 411
    assert session.post(base, data="x" * 100_000).status_code == 413
    assert session.get(base + "/" + "a" * 3000).status_code == 414
    assert session.get(base, headers={"A": "a" * 9000}).status_code == 431
    assert session.request("BREW", base).status_code == 501
    assert session.get(base).ok
    print("served")
    """

  @Test(.enabled(if: python != nil, "needs a python3 with the module requests"))
  func pythonRequestsIsServed() throws {
    let python = try #require(Self.python)
    let server = try HTTPServer(host: "127.0.0.1", port: 0, handler: EchoHandler())
    let folder = try TemporaryFolder()
    let script = try folder.write("ask.py", Self.requestsScript)
    let outcome = try Programs.run(python, [script, "http://127.0.0.1:\(server.port)"])
    #expect(outcome.output == "served\n")
    #expect(outcome.status == 0)
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test(.enabled(if: nginx != nil && curl != nil, "needs nginx and curl"))
  func nginxInFrontIsServed() throws {
    try askThrough(try #require(Self.nginx)) { folder, port in
      let text = """
        daemon off; master_process off; pid \(folder.file("pid"));
        events { worker_connections 256; }
        http {
          access_log off;
          client_body_temp_path \(folder.file("body")); proxy_temp_path \(folder.file("proxy"));
          fastcgi_temp_path \(folder.file("f")); uwsgi_temp_path \(folder.file("u"));
          scgi_temp_path \(folder.file("s"));
          upstream ours { server 127.0.0.1:\(port); keepalive 16; }
          server {
            listen unix:\(folder.file("front"));
            location / { proxy_pass http://ours; proxy_http_version 1.1; proxy_set_header Connection ""; }
            location /old/ { proxy_pass http://ours; }
          }
        }
        """
      let file = try folder.write("nginx.conf", text)
      return ["-p", folder.path, "-e", "stderr", "-c", file]
    }
  }

  @Test(.enabled(if: haproxy != nil && curl != nil, "needs haproxy and curl"))
  func haproxyInFrontIsServed() throws {
    try askThrough(try #require(Self.haproxy)) { folder, port in
      let text = """
        defaults
          mode http
          timeout connect 5s
          timeout client 10s
          timeout server 10s
          http-reuse always
        frontend front
          bind unix@\(folder.file("front"))
          default_backend ours
        backend ours
          option httpchk GET /healthz
          server ours 127.0.0.1:\(port) check inter 200ms
        """
      return ["-db", "-f", try folder.write("haproxy.cfg", text)]
    }
  }

  /// Starts a proxy that listens on the socket `front` in its folder, and asks through it.
  private func askThrough(
    _ program: String, arguments: (TemporaryFolder, UInt16) throws -> [String]
  ) throws {
    let curl = try #require(Self.curl)
    let server = try HTTPServer(host: "127.0.0.1", port: 0, handler: EchoHandler())
    let folder = try TemporaryFolder()
    let log = folder.file("log")
    let proxy = try Programs.start(program, arguments(folder, server.port), output: log)
    defer {
      kill(proxy.processIdentifier, SIGKILL)
      proxy.waitUntilExit()
    }
    func ask(_ arguments: String...) throws -> String {
      let common = ["-sS", "--max-time", "10", "--unix-socket", folder.file("front")]
      return try Programs.run(curl, common + arguments).output
    }
    let isUp = eventually(withinMs: 10_000) { (try? ask("http://x/up")) == "GET /up - []" }
    try #require(isUp, "\(Programs.read(log))")

    let accepted = server.statistics.accepted
    _ = try ask(
      "--parallel", "--parallel-max", "16", "--no-progress-meter", "-o", folder.file("reply#1"),
      "http://x/[1-200]?q")
    for number in 1...200 {
      #expect(Programs.read(folder.file("reply\(number)")) == "GET /\(number) q []")
    }
    #expect(server.statistics.accepted - accepted < 100, "connections are used again")
    #expect(try ask("-d", "hello", "http://x/p") == "POST /p - [hello]")
    #expect(try ask("-X", "DELETE", "-H", "X-User-Id: u", "http://x/d") == "DELETE /d - []")
    #expect(try ask("http://x/old/a") == "GET /old/a - []")
    #expect(try ask("-I", "http://x/h").hasPrefix("HTTP/1.1 200"))
    let large = String(repeating: "x", count: 5_000)
    #expect(try ask("-w", "%{http_code}", "-o", "/dev/null", "-d", large, "http://x/") == "413")
    #expect(try ask("http://x/end") == "GET /end - []")
    #expect(proxy.isRunning, "\(Programs.read(log))")
    #expect(server.drain(until: .after(ms: 10_000)))
  }
}
