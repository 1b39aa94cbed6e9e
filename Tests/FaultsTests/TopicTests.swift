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
}
