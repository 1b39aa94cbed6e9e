/// What is to happen, in order of time; what was planned first goes first at the same moment.
struct EventQueue {
  struct Event {
    let at: Int64
    /// Whose process has to live and run for it; nil: the world's.
    let owner: Process?
    let life: Int
    let body: () -> Void
  }

  private struct Key {
    let at: Int64
    let order: Int
    let place: Int
    func isBefore(_ other: Key) -> Bool { at != other.at ? at < other.at : order < other.order }
  }

  private var heap: [Key] = []
  private var events: [Event?] = []
  private var unused: [Int] = []
  private(set) var planned = 0

  mutating func plan(at: Int64, owner: Process?, _ body: @escaping () -> Void) {
    plan(Event(at: at, owner: owner, life: owner?.life ?? 0, body: body))
  }

  mutating func plan(_ event: Event) {
    planned += 1
    let place: Int
    if let free = unused.popLast() {
      place = free
      events[place] = event
    } else {
      place = events.count
      events.append(event)
    }
    heap.append(Key(at: event.at, order: planned, place: place))
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      if !heap[child].isBefore(heap[parent]) { break }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  mutating func next() -> Event? {
    guard let first = heap.first else { return nil }
    let last = heap.removeLast()
    if !heap.isEmpty {
      heap[0] = last
      sink()
    }
    defer {
      events[first.place] = nil
      unused.append(first.place)
    }
    return events[first.place]
  }

  private mutating func sink() {
    var parent = 0
    while true {
      var least = parent
      let left = 2 * parent + 1
      if left < heap.count, heap[left].isBefore(heap[least]) { least = left }
      if left + 1 < heap.count, heap[left + 1].isBefore(heap[least]) { least = left + 1 }
      if least == parent { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
