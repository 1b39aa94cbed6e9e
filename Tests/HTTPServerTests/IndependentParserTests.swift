import Foundation
import Testing

@testable import HTTPServer

/// Our parser against PyPI's h11: what ours accepts, h11 accepts with the same meaning.
@Suite(.timeLimit(.minutes(5))) struct IndependentParserTests {
  static let python = Programs.python(with: "h11")
  static let cases = 30_000

  /// Reads one input per line in hex; writes the requests that it found in it, one JSON line each.
  /// The one empty line before a request, which RFC 9112 (2.2) wants ignored and h11 refuses, is taken off.
  static let script = #"""
    import json, sys, h11
    for line in open(sys.argv[1]):
        rest = data = bytes.fromhex(line)
        found, error = [], None
        while rest:
            if rest.startswith(b"\r\n"):
                rest = rest[2:]
            connection = h11.Connection(h11.SERVER)
            connection.receive_data(rest)
            request, body = None, b""
            try:
                while True:
                    event = connection.next_event()
                    if type(event) is h11.Request:
                        request = event
                    elif type(event) is h11.Data:
                        body += event.data
                    else:
                        break
            except h11.RemoteProtocolError as refusal:
                error = str(refusal)
                break
            if type(event) is not h11.EndOfMessage:
                break
            rest = connection.trailing_data[0]
            text = lambda bytes: bytes.decode("latin-1")
            found.append({
                "method": text(request.method), "target": text(request.target),
                "headers": [[text(n), text(v)] for n, v in request.headers],
                "body": list(body), "end": len(data) - len(rest)})
        print(json.dumps({"found": found, "error": error}))
    """#

  struct Judgement: Decodable {
    struct Request: Decodable, Equatable {
      let method: String
      let target: String
      let headers: [[String]]
      let body: [UInt8]
      let end: Int
    }
    let found: [Request]
    let error: String?
  }

  @Test(.enabled(if: python != nil, "needs a python3 with the module h11"))
  func whatOursAcceptsH11AcceptsWithTheSameMeaning() throws {
    let python = try #require(Self.python)
    let seed = UInt64.random(in: .min ... .max)
    print("independent parser: seed \(seed)")
    var generator = RequestGenerator(seed: seed)
    let inputs = (0..<Self.cases).map { _ in generator.next() }
    let (accepted, refused) = try compare(inputs, python, "seed \(seed)")
    print("independent parser: \(accepted) requests accepted, \(refused) inputs refused")
    #expect(accepted > Self.cases / 4 && refused > Self.cases / 4)
  }

  @Test(.enabled(if: python != nil, "needs a python3 with the module h11"))
  func whatFuzzingKeptH11ReadsAlike() throws {
    let python = try #require(Self.python)
    let inputs = try keptInputs()
    let (accepted, refused) = try compare(inputs, python, "the kept corpus")
    print("independent parser: \(accepted) kept requests accepted, \(refused) inputs refused")
    // Both kinds are kept.
    #expect(accepted > 10 && refused > 10)
  }

  /// What differs is seen, in each part of a request: or all of the above would prove nothing.
  @Test(.enabled(if: python != nil, "needs a python3 with the module h11"))
  func aDifferenceInAnyPartIsSeen() throws {
    let python = try #require(Self.python)
    let sent = "PUT /a?b=c HTTP/1.1\r\nHost: h\r\nX: y\r\nContent-Length: 2\r\n\r\nok"
    let other = [
      sent.replacing("PUT", with: "GET"), sent.replacing("b=c", with: "b=d"),
      sent.replacing("Host", with: "Hosts"), sent.replacing("X: y", with: "X: z"),
      sent.replacing("X: y", with: "X:  y"), sent.replacing("ok", with: "no"),
    ]
    let judgements = try judge(([sent] + other).map { Array($0.utf8) }, python)
    let reading = ParserHarness().read(sent)
    let ours = reading.requests.map(Judgement.Request.init)
    #expect(ours.count == 1 && ours == judgements[0].found)
    for (text, judgement) in zip(other, judgements.dropFirst()) {
      #expect(ours != judgement.found, "\(text.debugDescription)")
    }
  }

  /// What ours accepts, h11 accepts with the same method, target, headers, body and end; how much was accepted and refused.
  private func compare(
    _ inputs: [[UInt8]], _ python: String, _ source: String
  ) throws -> (accepted: Int, refused: Int) {
    let judgements = try judge(inputs, python)
    #expect(judgements.count == inputs.count)
    let harness = ParserHarness()
    var accepted = 0
    var refused = 0
    for (input, judgement) in zip(inputs, judgements) {
      let reading = harness.read(input)
      let ours = reading.requests.map(Judgement.Request.init)
      #expect(
        ours == Array(judgement.found.prefix(ours.count)),
        "\(source), \(judgement.error ?? "accepted"): \(String(decoding: input, as: UTF8.self).debugDescription)"
      )
      accepted += ours.count
      if reading.refusal != nil { refused += 1 }
    }
    return (accepted, refused)
  }

  /// The corpus of the HTTP fuzzer.
  private func keptInputs() throws -> [[UInt8]] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Fuzz/Corpus/http")
    return try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil
    ).sorted { $0.path < $1.path }.map { Array(try Data(contentsOf: $0)) }
  }

  private func judge(_ inputs: [[UInt8]], _ python: String) throws -> [Judgement] {
    let digits = Array("0123456789abcdef".utf8)
    var lines = Data()
    for input in inputs {
      for byte in input {
        lines.append(digits[Int(byte >> 4)])
        lines.append(digits[Int(byte & 15)])
      }
      lines.append(0x0A)
    }
    let folder = try TemporaryFolder()
    let file = folder.file("inputs")
    try lines.write(to: URL(fileURLWithPath: file))
    let script = try folder.write("read.py", Self.script)
    let outcome = try Programs.run(python, [script, file], withinMs: 120_000)
    try #require(outcome.status == 0, "\(outcome.output.suffix(2_000))")
    let decoder = JSONDecoder()
    return try outcome.output.utf8.split(separator: 0x0A).map {
      try decoder.decode(Judgement.self, from: Data($0))
    }
  }
}

extension IndependentParserTests.Judgement.Request {
  init(_ ours: ParserHarness.Request) {
    self.init(
      method: ours.method.rawValue, target: ours.target, headers: ours.headers, body: ours.body,
      end: ours.end)
  }
}
