import TestSupport
import Testing

@testable import Faults

@Suite struct TopicTests {
  @Test func recordsOfAnyBytesAreRead() throws {
    let output = Array("0 7 2 5\nk1a\nb\tc\n3 8 -1 0\n\n3 9 1 -1\nk\n".utf8)
    #expect(
      try Topic.parse(output) == [
        Topic.Record(
          partition: 0, offset: 7, key: Array("k1".utf8), payload: Array("a\nb\tc".utf8)),
        Topic.Record(partition: 3, offset: 8, key: nil, payload: []),
        Topic.Record(partition: 3, offset: 9, key: Array("k".utf8), payload: nil),
      ])
  }

  @Test(arguments: ["0 7 2 5\nk1ab\n", "0 7 2\nk1\n", "records\n"])
  func brokenOutputIsAnError(_ text: String) {
    #expect(throws: TestSupportError.self) { try Topic.parse(Array(text.utf8)) }
  }

  @Test func onlyWhatAServiceCouldHaveWrittenIsOurs() {
    let event = #"{"v":1,"type":"claimed","slot":1}"#
    func isOurs(_ key: String?, _ payload: String?) -> Bool {
      Topic.Record(
        partition: 0, offset: 0, key: key.map { Array($0.utf8) },
        payload: payload.map { Array($0.utf8) }
      ).isOurs
    }
    #expect(isOurs("7_1", event))
    #expect(isOurs("barrier-1", #"{"v":1,"type":"barrier","epoch":2}"#))
    #expect(!isOurs(nil, event) && !isOurs("", event) && !isOurs("7_1", nil) && !isOurs("7_1", ""))
    #expect(!isOurs("7_1", event + "\n") && !isOurs("7\t1", event))
    #expect(
      !isOurs("7_1", String(event.dropLast())) && !isOurs("7_1", #"{"v":2,"type":"claimed"}"#))
  }
}
