import Log
import Testing

@Suite struct HistogramTests {
  @Test func anEmptyOneSaysNothing() {
    let histogram = Histogram()
    #expect(histogram.percentile(0.5) == 0)
    #expect(histogram.count == 0)
    #expect(histogram.maximum == 0)
  }

  @Test func smallValuesAreExact() {
    var histogram = Histogram()
    for value in 0...7 { histogram.add(Int64(value)) }
    #expect(histogram.percentile(0) == 0)
    #expect(histogram.percentile(0.125) == 0)
    #expect(histogram.percentile(0.5) == 3)
    #expect(histogram.percentile(0.51) == 4)
    #expect(histogram.percentile(1) == 7)
    #expect(histogram.sum == 28)
  }

  /// At each power of two and around it, where the buckets change their width.
  @Test func everyValueIsReportedWithinAnEighthAndNeverTooLow() {
    for exponent in 0..<42 {
      for offset in Int64(-2)...2 {
        let value = max(0, Int64(1) << exponent + offset)
        var histogram = Histogram()
        histogram.add(value)
        histogram.add(1 << 42)  // so that the maximum doesn't hide the bucket's end
        let reported = histogram.percentile(0.5)
        #expect(reported >= value)
        #expect(reported - value < max(1, value / 8))
      }
    }
  }

  @Test func percentilesOfManyAreThoseOfTheSortedValues() {
    var histogram = Histogram()
    var values = (0..<5_000).map { _ in Int64.random(in: 0...2_000_000) }
    for value in values { histogram.add(value) }
    values.sort()
    for share in [0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1] {
      let exact = values[max(0, Int((Double(values.count) * share).rounded(.up)) - 1)]
      let reported = histogram.percentile(share)
      #expect(reported >= exact)
      #expect(Double(reported) <= Double(exact) * 1.125 + 1)
    }
    #expect(histogram.percentile(1) == values.last)
    #expect(histogram.sum == values.reduce(0, +))
  }

  @Test func addingTwoIsAddingTheirValues() {
    var left = Histogram()
    var right = Histogram()
    var both = Histogram()
    for value in stride(from: Int64(1), to: 100_000, by: 37) {
      if value % 2 == 0 { left.add(value) } else { right.add(value) }
      both.add(value)
    }
    left.add(right)
    #expect(left == both)
    left.reset()
    #expect(left == Histogram())
  }

  @Test func valuesBeyondItsEndsAreThoseEnds() {
    var histogram = Histogram()
    histogram.add(-5)
    #expect(histogram.percentile(1) == 0)
    histogram.add(.max)
    #expect(histogram.maximum == 1 << 42)
    #expect(histogram.percentile(1) == 1 << 42)
  }
}
