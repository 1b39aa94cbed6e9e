@testable import DrawService

/// A user of one activity: claims, asks again, gives back, and remembers what it was told.
final class UserActor {
  /// Longest way of a request or an answer.
  static let waysMs: Int64 = 20

  unowned let world: World
  private let activity: Int
  let name: String
  private let isKeyed: Bool
  /// The requests made so far; the last one is the current.
  private var requests: [String] = []
  private var isStopped = false

  init(_ world: World, activity: Int, number: Int) {
    self.world = world
    self.activity = activity
    name = "u\(activity + 1)\(number + 1)"
    isKeyed = world.setup.limits[activity] > 1 || world.chance(700)
  }

  func start() { world.after(ms: world.between(0, 2_000)) { [unowned self] in act() } }

  /// No more claims: only asks how the last ones ended.
  func stop() { isStopped = true }

  private func act() {
    if isStopped { return }
    world.after(ms: pause()) { [unowned self] in act() }
    guard let current = requests.last, let place = world.checker.place(current) else {
      return claimAnew()
    }
    let ask = world.checker[place]
    switch world.pick(10) {
    case 0, 1: send(.look, current)
    case 2, 3: send(.claim(isKeyed: true), current)
    case 4:
      send(.claim(isKeyed: true), current)
      send(.claim(isKeyed: true), current)
    case 5, 6:
      if ask.slot != nil && world.chance(500) || ask.isReleaseAsked { release(current) }
    default:
      let held = requests.count { request in
        let ask = world.checker[world.checker.place(request)!]
        return !(ask.releaseToldAtUs != nil || ask.isNo)
      }
      if held < world.setup.limits[activity] || world.chance(100) {
        claimAnew()
      } else {
        send(.look, requests[world.pick(requests.count)])
      }
    }
  }

  private func pause() -> Int64 {
    world.chance(world.setup.haste) ? world.between(1, 300) : world.between(100, 2_500)
  }

  private func claimAnew() {
    if requests.count >= world.setup.claimsPerUser { return }
    let request = "\(name)r\(requests.count + 1)"
    requests.append(request)
    world.checker.add(Ask(activity: activity, user: name, request: request))
    send(.claim(isKeyed: isKeyed), request)
  }

  private func release(_ request: String) {
    world.checker[world.checker.place(request)!].isReleaseAsked = true
    send(.release, request)
  }

  /// Asks some DrawService; its answer may be late, or never come.
  func send(
    _ operation: DrawRequest.Operation, _ request: String, to number: Int? = nil,
    _ answered: @escaping (Answer) -> Void = { _ in }
  ) {
    let sentAt = world.nowUs
    let previous = world.checker[world.checker.place(request)!].lastClaimAtUs
    if operation != .look && operation != .release { world.claimSent(request) }
    let claimsSent = world.checker[world.checker.place(request)!].claimsSent
    let draw = world.draws[number ?? world.pick(world.draws.count)]
    world.say("\(name) asks \(draw.process.name): \(operation) \(request)")
    let expiresAt = sentAt + UserActor.waysMs * 1_000 + 1_000
    world.after(us: world.between(100, Self.waysMs * 1_000), draw.process) { [unowned self] in
      // Whoever was stopped meanwhile finds a closed connection.
      if world.nowUs > expiresAt || world.fault(world.setup.httpTrouble) { return }
      draw.take(operation, activity: activity, user: name, request: request) {
        [unowned self] answer in
        if world.fault(world.setup.httpTrouble) { return }
        world.after(us: world.between(100, Self.waysMs * 1_000)) { [unowned self] in
          world.say("\(name) hears of \(request): \(world.text(answer))")
          world.told(
            answer, asked: request, operation: operation, sentAtUs: sentAt,
            previousClaimUs: previous, claimsSent: claimsSent)
          answered(answer)
        }
      }
    }
  }
}

extension World {
  func text(_ answer: Answer) -> String {
    switch answer {
    case .claimed(let slot, let request, let isReplay):
      "CLAIMED slot \(slot) by \(request)\(isReplay ? " (again)" : "")"
    case .pending: "pending"
    case .released(let slot, _): "RELEASED slot \(slot)"
    case .described: "described"
    case .refused(let refusal): refusal.code
    }
  }
}
