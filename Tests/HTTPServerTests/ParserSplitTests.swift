import Testing

@testable import HTTPServer

/// How the input is cut into reads never changes what it means.
@Suite struct ParserSplitTests {
  let harness = ParserHarness()

  @Test func byteByByteIsAsGoodAsWhole() {
    for bad in allRefused {
      let input = Array(bad.input.utf8)
      let whole = harness.read(input)
      #expect(harness.read(input, cuts: Array(1..<max(1, input.count))) == whole, "\(bad.name)")
    }
    let pipelined = RequestGenerator.samples.flatMap { $0 }
    let whole = harness.read(pipelined)
    #expect(whole.requests.count == RequestGenerator.samples.count)
    #expect(harness.read(pipelined, cuts: Array(1..<pipelined.count)) == whole)
  }

  @Test func randomCutsChangeNothing() {
    let seed = UInt64.random(in: .min ... .max)
    var generator = RequestGenerator(seed: seed)
    var refused = 0
    for _ in 0..<5_000 {
      let input = generator.next()
      let cuts = (0..<Int.random(in: 0...8, using: &generator.random)).map { _ in
        Int.random(in: 0...input.count, using: &generator.random)
      }.sorted()
      let whole = harness.read(input)
      let cut = harness.read(input, cuts: cuts)
      #expect(cut == whole, "seed \(seed), cuts \(cuts), input \(input)")
      if whole.refusal != nil { refused += 1 }
    }
    // Both kinds were met.
    #expect(refused > 500 && refused < 4_900, "seed \(seed): \(refused) refused")
  }
}
