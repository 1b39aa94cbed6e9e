import Stock
import Testing

@Suite struct ControlRecordTests {
  @Test(arguments: [
    (
      ControlRecord.epoch(7, timeMs: 1_767_225_600_000), "epoch-7",
      #"{"v":1,"type":"epoch","epoch":7,"time":1767225600000}"#
    ),
    (
      .heartbeat(instance: "draw-1", timeMs: 1_767_225_600_000), "heartbeat",
      #"{"v":1,"type":"heartbeat","instance":"draw-1","time":1767225600000}"#
    ),
    (
      .heartbeat(instance: "\"\n", timeMs: -1), "heartbeat",
      #"{"v":1,"type":"heartbeat","instance":"\"\n","time":-1}"#
    ),
  ])
  func itIsReadAsItWasWritten(_ record: ControlRecord, _ key: String, _ text: String) {
    #expect(String(decoding: record.encoded(), as: UTF8.self) == text)
    #expect(String(decoding: record.key, as: UTF8.self) == key)
    #expect(ControlRecord.decode(record.encoded()) == record)
  }

  @Test(arguments: [
    #"{"v":2,"type":"epoch","epoch":8,"time":5}"#, #"{"type":"epoch","epoch":8,"time":5}"#,
    #"{"v":"new","more":{"epoch":[9]},"epoch":8,"type":"epoch","time":5}"#,
  ])
  func anEpochCountsWhateverTheVersion(_ text: String) {
    #expect(ControlRecord.decode(Array(text.utf8)) == .epoch(8, timeMs: 5))
  }

  @Test func anEpochCountsWithoutATime() {
    let text = #"{"v":1,"type":"epoch","epoch":8,"time":"now"}"#
    #expect(ControlRecord.decode(Array(text.utf8)) == .epoch(8, timeMs: 0))
  }

  @Test(arguments: [
    "", " ", "null", "7", "[]", "{", "{}", "\u{0}", #"{"v":1}"#, #"{"v":1,"type":"epoch"}"#,
    #"{"v":1,"type":"epoch","epoch":"8","time":5}"#, #"{"v":1,"type":"epoch","epoch":8.5}"#,
    #"{"v":1,"type":"epoch","epoch":0}"#, #"{"v":1,"type":"epoch","epoch":-3}"#,
    #"{"v":1,"type":"epoch","epoch":9007199254740992}"#,
    #"{"v":1,"type":"epoch","epoch":8,"epoch":9}"#, #"{"v":1,"type":"pause","epoch":8}"#,
    #"{"v":1,"type":"heartbeat","time":5}"#, #"{"v":1,"type":"heartbeat","instance":5,"time":5}"#,
    #"{"v":2,"type":"heartbeat","instance":"a","time":5}"#,
    #"{"v":1,"type":"epoch","epoch":8} and more"#,
  ])
  func whatItDoesNotKnowIsNil(_ text: String) {
    #expect(ControlRecord.decode(Array(text.utf8)) == nil)
  }

  @Test func whatIsTooLongIsNil() {
    let record = ControlRecord.heartbeat(
      instance: String(repeating: "a", count: 2_000), timeMs: 1)
    #expect(ControlRecord.decode(record.encoded()) == nil)
  }
}
