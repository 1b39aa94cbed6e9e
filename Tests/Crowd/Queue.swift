/// First in, first out, without moving what stays.
struct Queue<Element> {
  private var elements: [Element] = []
  private var head = 0

  mutating func append(_ element: Element) { elements.append(element) }

  mutating func popFirst() -> Element? {
    guard head < elements.count else { return nil }
    let element = elements[head]
    head += 1
    if head > 1_024 && head * 2 > elements.count {
      elements.removeFirst(head)
      head = 0
    }
    return element
  }
}

/// Calls that wait, the soonest first.
struct Heap {
  struct Entry {
    let dueNs: Int64
    let errand: Int
    let call: Call
  }

  private var entries: [Entry] = []

  var nextNs: Int64? { entries.first?.dueNs }

  mutating func push(dueNs: Int64, errand: Int, call: Call) {
    entries.append(Entry(dueNs: dueNs, errand: errand, call: call))
    var child = entries.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      if entries[parent].dueNs <= entries[child].dueNs { break }
      entries.swapAt(parent, child)
      child = parent
    }
  }

  /// The soonest, if it is due.
  mutating func popDue(_ nowNs: Int64) -> Entry? {
    guard let first = entries.first, first.dueNs <= nowNs else { return nil }
    entries.swapAt(0, entries.count - 1)
    entries.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
        if entries[child].dueNs < entries[least].dueNs { least = child }
      }
      if least == parent { return first }
      entries.swapAt(parent, least)
      parent = least
    }
  }
}
