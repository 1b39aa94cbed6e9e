import Stock

@testable import StockSyncWorker

/// Kafka as far as the pair can tell: logs that only grow, and produce requests whose end is uncertain.
struct KafkaWorld {
  var partitions: [[TopicRecord]]
  /// The control topic: an epoch, or nil for a heartbeat.
  var control: [Int64?] = []
  /// Nothing is taken until then.
  var isAwayUntilUs: Int64 = 0

  init(partitions: Int) { self.partitions = Array(repeating: [], count: partitions) }
}

/// What the producer hears of a record.
enum Report {
  case acknowledged(offset: Int64)
  case failed
}

extension World {
  /// Where the partitioner puts a slot's events. Any function will do, if it is one.
  func partition(of event: StockEvent) -> Int {
    Int(event.slot + event.activity.value) % setup.partitions
  }

  func produce(
    _ record: TopicRecord, to partition: Int, by process: Process,
    _ report: @escaping (Report) -> Void
  ) {
    let isNews = if case .barrier = record { true } else { false }
    if case .event(let event) = record, fault(setup.refusedEvent), event.kind == .claimed {
      refused.insert(event.identity)
    }
    produce(
      by: process, isLate: !isNews && isAroundLoss && fault(setup.lateAround), isNews: isNews,
      report
    ) { [unowned self] in
      kafka.partitions[partition].append(record)
      say("kafka: p\(partition) \(text(record))")
      for worker in workers where worker.process.isAlive { worker.wake() }
      return Int64(kafka.partitions[partition].count - 1)
    }
  }

  /// Idempotence is off: a request may be written late, twice, or though it was reported as failed.
  func produce(
    by process: Process, timeoutMs: Int64? = nil, isCut: Bool = false, isLate: Bool = false,
    isNews: Bool = false,
    trouble moreTrouble: Int? = nil,
    _ told: @escaping (Report) -> Void, _ append: @escaping () -> Int64
  ) {
    let life = process.life
    // A process that was started anew has no such request.
    let report: (Report) -> Void = { if process.life == life { told($0) } }
    if isNews, fault(setup.doubledNews) {
      met(.newsTwice)
      after(us: between(500_000, 9_000_000)) { _ = append() }
    }
    let timeoutUs = (timeoutMs ?? setup.messageTimeoutMs) * 1_000
    var arrivesUs = between(500, 15_000)
    let awayUs = kafka.isAwayUntilUs - nowUs
    if awayUs > 0 { arrivesUs += awayUs }
    if isNews, case .some = timeoutMs, fault(setup.slowEpochs), !draws.isEmpty {
      // Written late, and somebody does not hear of it.
      let lateUs = between(200_000, 3_500_000)
      arrivesUs += lateUs
      let number = pick(draws.count)
      after(us: max(0, lateUs - between(0, 400_000))) { [unowned self] in
        if !isQuiet { cut(number, between(500, 4_000)) }
      }
    }
    let fate: Int = isQuiet ? 1_000 : pick(1_000)
    let trouble = moreTrouble ?? setup.produceTrouble
    if isCut || fate < trouble / 4 {
      met(.produceLost)
      return after(us: timeoutUs, process) { report(.failed) }
    }
    var answersUs: Int64? = arrivesUs + between(500, 15_000)
    if fate < trouble / 2 {
      met(.produceAnswerLost)
      answersUs = nil
    } else if isLate {
      met(.produceLate)
      arrivesUs += between(200_000, 4_000_000)
      answersUs = arrivesUs + between(500, 15_000)
    } else if fate < trouble * 3 / 4 {
      met(.produceLate)
      arrivesUs += between(timeoutUs / 4, timeoutUs + 2 * setup.leaseMs * 1_000)
      answersUs = arrivesUs + between(500, 15_000)
    }
    let isDoubled =
      isLate && chance(200) || fate < trouble && (trouble - fate <= trouble / 4 || chance(100))
    if isDoubled {
      met(.produceTwice)
      after(us: arrivesUs + between(0, 2 * timeoutUs)) { _ = append() }
    }
    let isTold = answersUs.map { $0 <= timeoutUs } ?? false
    after(us: arrivesUs) { [unowned self] in
      let offset = append()
      if isTold {
        after(us: answersUs! - arrivesUs, process) { report(.acknowledged(offset: offset)) }
      }
    }
    if !isTold { after(us: timeoutUs, process) { report(.failed) } }
  }

  func text(_ record: TopicRecord) -> String {
    switch record {
    case .barrier(let barrier): "barrier e\(barrier.epoch)"
    case .event(let event): text(event)
    }
  }

  func text(_ event: StockEvent) -> String {
    "\(event.kind.rawValue) \(event.activity)_\(event.slot) seq \(event.seq) e\(event.epoch) \(event.user) \(event.request)"
  }
}
