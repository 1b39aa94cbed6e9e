import Foundation
import Testing

@testable import Checker

/// The layout of a message, read without the services' own code.
@Suite struct MessageTests {
  private let good =
    #"{"v":1,"type":"claimed","activity":7,"slot":1,"seq":2,"epoch":3,"user":"a.~_-Z9","request":"r","time":4}"#

  private func read(_ text: String) -> Message { Message(Array(text.utf8)) }

  @Test func anEventAndABarrier() {
    let event = Event(
      isClaim: true, slot: Slot(activity: 7, number: 1), seq: 2, epoch: 3,
      owner: Owner(user: "a.~_-Z9", request: "r"))
    #expect(read(good) == .event(event))
    #expect(read(" " + good.dropLast() + #", "more" : [1.5e+3,{"a":[]},null] } "#) == .event(event))
    #expect(
      read(good.replacingOccurrences(of: #""r""#, with: "\"\\u0072\"")) == .event(event))
    #expect(read(#"{"v":1,"type":"barrier","epoch":2,"time":1}"#) == .barrier(epoch: 2))
  }

  @Test(arguments: [
    (#""v":1"#, #""v":0"#), (#""v":1,"#, ""), (#""slot":1"#, #""slot":1,"slot":1"#),
    (#""slot":1"#, #""slot":0"#), (#""slot":1"#, #""slot":1.0"#), (#""slot":1"#, #""slot":"1""#),
    (#""slot":1"#, #""slot":01"#), (#""slot":1"#, #""slot":9007199254740992"#),
    (#""seq":2,"#, ""), (#""time":4"#, #""time":0"#), (#""r""#, #""""#), (#""r""#, #""ö""#),
    (#""r""#, #""a b""#), (#""type":"claimed","#, ""), (#"{"v""#, #"{,"v""#), ("}", "}}"),
    ("}", ""), (#""r""#, "\"\n\""), (#""r""#, #""\x""#), (#""r""#, #""\ud800""#),
  ])
  func isMalformed(_ piece: String, _ other: String) {
    #expect(read(good.replacingOccurrences(of: piece, with: other)) == .malformed)
  }

  @Test func whatIsNoTextAtAll() {
    #expect(Message(nil) == .malformed)
    #expect(Message([]) == .malformed)
    let long = good.dropLast() + #","more":""# + String(repeating: "x", count: 1_000) + "\"}"
    #expect(read(String(long)) == .malformed)
    #expect(
      Message(Array(good.utf8.dropLast()) + Array(#","x":""#.utf8) + [0xff, 0x22, 0x7d])
        == .malformed)
  }

  @Test func whatIsToCome() {
    #expect(read(#"{"v":2}"#) == .newer)
    #expect(read(good.replacingOccurrences(of: "claimed", with: "moved")) == .newer)
  }
}
