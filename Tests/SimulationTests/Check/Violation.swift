/// What must never happen.
enum Rule: String, Sendable, CaseIterable {
  case twoTold = "two users were told claimed for one slot"
  case takenBack = "a claimed was taken back"
  case twoHolders = "two requests hold one slot"
  case twoSlots = "one request has two slots"
  case toldNo = "told no, but holds"
  case toldReleased = "told released, but holds"
  case overLimit = "more is told claimed than the limit allows"
  case wrongSurplus = "the surplus is not what is free"
  case notAlike = "Redis and Postgres differ at rest"
  case notAtRest = "it does not come to rest"
  case notOnSale = "the sale does not go on"
  case olderSwap = "an older rebuild replaced a newer one"
  case needlessVoid = "a claim was lost that had survived"
}

struct Violation: Sendable {
  let rule: Rule
  let text: String
  let atMs: Int64
}
