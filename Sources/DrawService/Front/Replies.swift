internal import HTTPServer
internal import JSONBytes
internal import Log
internal import Stock

extension HTTPReply {
  init(_ answer: Answer, to request: DrawRequest) {
    switch answer {
    case .claimed(let slot, let id, let isReplay):
      self.init(
        status: 200,
        body: drawBody(request, "claimed", id, slot: slot) { $0.field("replayed", isReplay) })
    case .released(let slot, let id):
      self.init(status: 200, body: drawBody(request, "released", id, slot: slot) { _ in })
    case .pending(let id):
      self.init(
        status: 202, headers: [(name: "Retry-After", value: "1")],
        body: drawBody(request, "pending", id, slot: nil) { _ in })
    case .described(let view): self.init(status: 200, body: view.body(request.activity))
    case .refused(let refusal): self = refusal.reply
    }
  }
}

private func drawBody(
  _ request: DrawRequest, _ status: StaticString, _ id: String, slot: Int64?,
  _ more: (inout JSONWriter) -> Void
) -> [UInt8] {
  var json = JSONWriter(capacity: 160)
  json.beginObject()
  json.field("activity", request.activity.value)
  if let slot {
    json.field("slot", slot)
    json.field("lockKey", lockKey(request.activity, slot))
  }
  json.field("requestId", id)
  json.field("status", "\(status)")
  more(&json)
  json.endObject()
  return json.bytes
}

extension ActivityView {
  fileprivate func body(_ activity: ActivityID) -> [UInt8] {
    var json = JSONWriter(capacity: 192)
    json.beginObject()
    json.field("activity", activity.value)
    json.field("state", state)
    json.field("opens", timestamp(ms: opensMs))
    json.field("closes", timestamp(ms: closesMs))
    json.field("total", total)
    json.field("left", left)
    json.field("limit", limit)
    json.endObject()
    return json.bytes
  }
}
