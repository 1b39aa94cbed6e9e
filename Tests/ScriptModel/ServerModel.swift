internal import Protections

/// A whole server as the scripts know it, and what the worker's scripts do to it, written from their contracts.
/// Activities are numbered from 1 here.
struct ServerModel: Sendable {
  /// run_id and master_replid.
  var identity: String
  /// stock:fence; nil: missing.
  var epoch: Int64?
  var fence: String?
  /// By activity, from 0; nil: not there.
  var stocks: [ScriptModel?]
  /// stock:{A}:staged and what its tokens name.
  var staged: [StagedModel] = []

  init(identity: String, activities: Int) {
    self.identity = identity
    stocks = Array(repeating: nil, count: activities)
  }

  /// What is empty, under the same identity.
  mutating func flush() { self = ServerModel(identity: identity, activities: stocks.count) }

  /// One activity as DrawService's scripts see it.
  func stock(_ activity: Int) -> ScriptModel {
    var model = stocks[activity - 1] ?? ScriptModel()
    model.isListed = stocks[activity - 1] != nil
    model.identity = identity
    model.serverEpoch = epoch
    model.serverFence = fence
    return model
  }
}

/// The staged keys of one activity and token.
struct StagedModel: Sendable {
  let activity: Int
  let token: String
  /// Without it the chunks came after the rest was lost.
  var hasMeta = true
  var locks: [Int64: ScriptModel.Lock] = [:]
  var users: [String: [ScriptModel.Claim]] = [:]
  var free: [String] = []
}

/// What the worker's scripts answer: a word and what it is about.
struct ServerAnswer: Equatable, Sendable {
  let word: String
  let detail: String

  init(_ word: String, _ detail: String = "") {
    self.word = word
    self.detail = detail
  }
}

/// An activity's terms, as Postgres has them.
struct StockTerms: Sendable {
  var total: Int64
  var limit: Int64
  var opensMs: Int64 = 0
  var closesMs: Int64 = 1 << 50
}

extension ServerModel {
  // MARK: preheat.lua and open.lua

  mutating func preheat(
    _ activity: Int, _ terms: StockTerms, epoch wanted: Int64, mayBootstrap: Bool
  ) -> ServerAnswer {
    let isFenced = epoch != nil || fence != nil
    if !isFenced && !mayBootstrap { return ServerAnswer("fence_absent") }
    if isFenced && fence != identity { return ServerAnswer("fence_server", fence ?? "") }
    if isFenced && epoch != wanted {
      return ServerAnswer("fence_epoch", epoch.map(String.init) ?? "")
    }
    let stock = stocks[activity - 1]
    if let stock {
      if stock.total != terms.total { return ServerAnswer("different", "total") }
      if stock.limit != terms.limit { return ServerAnswer("different", "limit") }
      if stock.opensMs != terms.opensMs { return ServerAnswer("different", "opens") }
      if stock.closesMs != terms.closesMs { return ServerAnswer("different", "closes") }
      if stock.epoch != wanted { return ServerAnswer("different", "epoch") }
      if stock.fence != identity { return ServerAnswer("different", "fence") }
    }
    if !isFenced { (epoch, fence) = (wanted, identity) }
    if let stock { return ServerAnswer("identical", stock.state) }
    var model = ScriptModel()
    model.total = terms.total
    model.limit = terms.limit
    model.opensMs = terms.opensMs
    model.closesMs = terms.closesMs
    model.state = "preparing"
    model.epoch = wanted
    model.fence = identity
    stocks[activity - 1] = model
    return ServerAnswer("created")
  }

  mutating func open(_ activity: Int, epoch wanted: Int64) -> ServerAnswer {
    guard let epoch else { return ServerAnswer("fence_absent") }
    if fence != identity { return ServerAnswer("fence_server", fence ?? "") }
    if epoch != wanted { return ServerAnswer("fence_epoch", String(epoch)) }
    guard let stock = stocks[activity - 1] else { return ServerAnswer("absent") }
    if stock.fence != identity { return ServerAnswer("fence_server", stock.fence) }
    if stock.epoch != wanted { return ServerAnswer("fence_epoch", String(stock.epoch)) }
    if stock.state != "preparing" { return ServerAnswer("already", stock.state) }
    stocks[activity - 1]!.state = "open"
    return ServerAnswer("opened")
  }

  // MARK: swap.lua and fence.lua

  /// One call of swap.lua.
  struct SwapCall: Sendable {
    var activity: Int
    var token: String
    var epoch: Int64
    /// That the connection read at its beginning.
    var identity: String
    var locks: Int
    var users: Int
    var free: Int
    var terms: StockTerms
    var seq: Int64
    var used: Int64
    var compares: Bool
    var clears: Bool
  }

  mutating func swap(_ call: SwapCall) -> ServerAnswer {
    if identity != call.identity { return ServerAnswer("other_server", identity) }
    let place = staged.firstIndex { $0.activity == call.activity && $0.token == call.token }
    let found = place.map { staged[$0] } ?? StagedModel(activity: call.activity, token: call.token)
    if Protection.rebuildToken.isOn {
      if place == nil || !found.hasMeta { return ServerAnswer("not_staged") }
      if found.locks.count != call.locks { return ServerAnswer("staged_count", "locks") }
      if found.users.count != call.users { return ServerAnswer("staged_count", "users") }
      if found.free.count != call.free { return ServerAnswer("staged_count", "free") }
    }
    let old = stocks[call.activity - 1]
    for stored in [epoch ?? 0, old?.epoch ?? 0] where call.compares && stored >= call.epoch {
      return ServerAnswer("epoch", String(stored))
    }
    if let place { staged.remove(at: place) }
    var model = ScriptModel()
    model.total = call.terms.total
    model.limit = call.terms.limit
    model.opensMs = call.terms.opensMs
    model.closesMs = call.terms.closesMs
    model.state = "open"
    model.epoch = call.epoch
    model.fence = identity
    model.seq = call.seq
    model.used = String(call.used)
    model.locks = found.locks
    model.users = found.users
    model.free = found.free
    model.lockCount = Protection.rebuildToken.isOn ? call.locks : found.locks.count
    if !call.clears, let old { model.outbox = old.outbox }
    model.outboxCount = model.outbox.count
    stocks[call.activity - 1] = model
    return ServerAnswer("swapped")
  }

  mutating func openFence(
    epoch wanted: Int64, identity known: String, compares: Bool, activities: [Int]
  ) -> ServerAnswer {
    if identity != known { return ServerAnswer("other_server", identity) }
    if compares, let epoch, epoch >= wanted { return ServerAnswer("epoch", String(epoch)) }
    for activity in activities where stocks[activity - 1]?.epoch != wanted {
      return ServerAnswer("missing", String(activity))
    }
    var removed = 0
    for place in stocks.indices where !activities.contains(place + 1) && stocks[place] != nil {
      stocks[place] = nil
      staged.removeAll { $0.activity == place + 1 }
      removed += 1
    }
    (epoch, fence) = (wanted, identity)
    return ServerAnswer("opened", String(removed))
  }
}
