import Foundation

/// More than fits.
let overloadFaults = [
  Fault(
    row: 24, name: "overload",
    plan: Plan(
      stock: 2_000, rate: 80, settings: ["SLIDING_STOCK_CLAIM_INBOX": "16"], descriptors: 1_000),
    breaks: [.crowd, .draws], isCombinable: false
  ) { sale, _ in
    try sale.sell(200)
    try sale.injure("ten times the load", back: .draws(withinMs: 5_000)) {
      let report = try sale.extraCrowd(users: 6_000, concurrency: 800, within: 60)
      let perSecond = Double(report.asked) / report.durationS
      let refused = report.later["overloaded"] ?? 0
      // The first crowd asks at the plan's rate: this is how many times more.
      let times = perSecond / Double(sale.plan.rate)
      let told =
        "\(Int(perSecond)) draws/s asked, \(String(format: "%.0f", times)) times the rate before; "
        + "\(refused) refused as overloaded, \(report.claimed) claimed"
      return times >= 10 && refused > 0 && report.claimed > 0 ? told : nil
    }
  }
]
