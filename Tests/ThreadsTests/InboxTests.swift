import Glibc
import Testing
import Threads

@Suite struct InboxTests {
  @Test func takesEverythingThatIsThereInOrder() {
    let inbox = Inbox<Int>(capacity: 10)
    #expect(inbox.offer(1) == .accepted)
    #expect(inbox.offer(contentsOf: [2, 3]) == .accepted)
    #expect(inbox.count == 3)
    #expect(inbox.take(until: nil) == [1, 2, 3])
    #expect(inbox.takeNow() == [])
  }

  @Test func refusesWhenFullAndTakesNothingOfThatBatch() {
    let inbox = Inbox<Int>(capacity: 3)
    #expect(inbox.offer(contentsOf: [1, 2]) == .accepted)
    #expect(inbox.offer(contentsOf: [3, 4]) == .full)
    #expect(inbox.offer(3) == .accepted)
    #expect(inbox.offer(4) == .full)
    #expect(inbox.take(until: nil) == [1, 2, 3])
  }

  @Test func offersWhatFitsUpToALimitOfItsOwn() {
    let inbox = Inbox<Int>(capacity: 4)
    #expect(inbox.offerFitting([1, 2, 3], limit: 2) == 2)
    #expect(inbox.offerFitting([4], limit: 2) == 0)
    #expect(inbox.offerFitting([5, 6, 7]) == 2)
    #expect(inbox.take(until: nil) == [1, 2, 5, 6])
    inbox.close()
    #expect(inbox.offerFitting([8]) == 0)
  }

  @Test func takesAtMostTheLimitAndKeepsTheRest() {
    let inbox = Inbox<Int>(capacity: 10)
    #expect(inbox.offer(contentsOf: Array(1...5)) == .accepted)
    #expect(inbox.take(limit: 2, until: nil) == [1, 2])
    #expect(inbox.take(limit: 9, until: nil) == [3, 4, 5])
  }

  @Test func aPassedDeadlineGivesNothing() {
    let inbox = Inbox<Int>(capacity: 1)
    let start = MonotonicTime.now
    #expect(inbox.take(until: start.adding(ms: 30)) == [])
    #expect(start.adding(ms: 30) <= .now)
  }

  @Test func closedRefusesOffersAndStillHandsOverWhatItHeld() {
    let inbox = Inbox<Int>(capacity: 2)
    #expect(inbox.offer(1) == .accepted)
    inbox.close()
    #expect(inbox.offer(2) == .closed)
    #expect(inbox.take(until: nil) == [1])
    #expect(inbox.take(until: nil) == nil)
    #expect(inbox.takeNow() == nil)
  }

  @Test func closeWakesAWaiter() {
    let inbox = Inbox<Int>(capacity: 1)
    let ended = Lock(false)
    let waiter = NamedThread("waiter") {
      let taken = inbox.take(until: nil)
      ended.withLock { $0 = taken == nil }
    }
    inbox.close()
    waiter.join()
    #expect(ended.withLock { $0 })
  }

  @Test func wakesOncePerTurnFromEmpty() {
    let wakes = Lock(0)
    let inbox = Inbox<Int>(capacity: 10, wake: { wakes.withLock { $0 += 1 } })
    _ = inbox.offer(1)
    _ = inbox.offer(2)
    #expect(wakes.withLock { $0 } == 1)
    _ = inbox.takeNow()
    _ = inbox.offer(3)
    #expect(wakes.withLock { $0 } == 2)
  }

  @Test func fourProducersLoseAndDoubleNothing() {
    let perProducer = 5_000
    let inbox = Inbox<Int>(capacity: 64)
    let producers = (0..<4).map { producer in
      NamedThread("producer-\(producer)") {
        for number in 0..<perProducer {
          while inbox.offer(producer * perProducer + number) == .full { sched_yield() }
        }
      }
    }
    var seen: [Int] = []
    while seen.count < 4 * perProducer {
      guard let batch = inbox.take(until: .after(ms: 10_000)), !batch.isEmpty else { break }
      seen += batch
    }
    for producer in producers { producer.join() }
    #expect(seen.sorted() == Array(0..<4 * perProducer))
    for producer in 0..<4 {
      let own = seen.filter { $0 / perProducer == producer }
      #expect(own == own.sorted())
    }
  }

  /// What was accepted is taken, once, and nothing else, while offers, takes and the closing race.
  @Test func closingAmidTheCrowdLosesNothingThatWasAccepted() {
    for round in 0..<20 {
      let inbox = Inbox<Int>(capacity: 32)
      let accepted = Lock<[Int]>([])
      let producers = (0..<3).map { producer in
        NamedThread("producer-\(producer)") {
          for start in stride(from: producer * 1_000_000, to: (producer + 1) * 1_000_000, by: 3) {
            let batch = [start, start + 1, start + 2]
            switch inbox.offer(contentsOf: batch) {
            case .accepted: accepted.withLock { $0 += batch }
            case .full: sched_yield()
            case .closed: return
            }
          }
        }
      }
      var taken: [Int] = []
      var turns = 0
      while let batch = inbox.take(limit: 1 + round, until: .after(ms: 10_000)) {
        #expect(!batch.isEmpty)
        taken += batch
        turns += 1
        if turns == 200 { inbox.close() }
      }
      for producer in producers { producer.join() }
      #expect(taken.sorted() == accepted.withLock { $0 }.sorted())
    }
  }

  /// The owner of an inbox with `wake` waits elsewhere: with each wake it takes until nothing is left, and
  /// may not miss an element for good.
  @Test func whoTakesOnEachWakeMissesNothing() {
    let wakes = Inbox<Void>(capacity: 1)
    let inbox = Inbox<Int>(capacity: 64, wake: { _ = wakes.offer(()) })
    let producers = (0..<3).map { producer in
      NamedThread("producer-\(producer)") {
        for number in 0..<5_000 {
          while inbox.offer(producer * 5_000 + number) == .full { sched_yield() }
        }
      }
    }
    var seen: [Int] = []
    while seen.count < 15_000 {
      guard let wake = wakes.take(until: .after(ms: 10_000)), !wake.isEmpty else { break }
      while let batch = inbox.takeNow(limit: 7), !batch.isEmpty { seen += batch }
    }
    for producer in producers { producer.join() }
    #expect(seen.sorted() == Array(0..<15_000))
  }
}
