import Foundation
import FoundationXML
import TestSupport
import Testing

@testable import Faults

/// What is kept of a storm of kills.
@Suite struct KillTests {
  private let kills = [
    Kill(service: .draw, instance: "draw-1", atMs: 5, backMs: 600),
    Kill(service: .draw, instance: "draw-2", atMs: 700, backMs: 1_250),
    Kill(service: .worker, instance: "worker-2", atMs: 6, backMs: nil),
    Kill(service: .worker, instance: "worker-2", atMs: 90, backMs: 2_400),
  ]

  @Test func aFileIsReadAsItWasWritten() {
    let text = KillsFile.text(kills, commit: "abc", seed: 7)
    #expect(KillsFile.kills(text) == kills)
    #expect(KillsFile.kills(text + "abc,7,draw,draw-1,x,1\n") == nil)
    #expect(KillsFile.kills("something else\n") == nil)
  }

  @Test func thePictureShowsEveryKillThatCameBack() throws {
    let svg = KillsPicture(kills, title: "a < b & c").svg
    let bars = svg.components(separatedBy: "fill=\"#3b75af\"").count - 1
    #expect(bars == 2)
    #expect(svg.components(separatedBy: "fill=\"#c4632b\"").count - 1 == 1)
    #expect(svg.contains("StockSyncWorker: 2 kills, median 2.40 s"))
    #expect(svg.contains("1 killed again before"))
    #expect(svg.contains("a &lt; b &amp; c"))
    #expect(XMLParser(data: Data(svg.utf8)).parse())
  }

  @Test func aPictureOfNothingIsAPicture() {
    #expect(XMLParser(data: Data(KillsPicture([], title: "none").svg.utf8)).parse())
  }
}
