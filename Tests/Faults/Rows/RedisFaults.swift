import Foundation
import TestSupport

/// Redis that forgets.
let redisFaults = [
  Fault(row: 6, name: "flushall", breaks: [.redis]) { sale, _ in
    try sale.sell(200)
    try sale.injure("FLUSHALL", back: .draws(withinMs: 20_000)) {
      let before = try sale.held()
      try sale.ground.stack.flushRedis()
      return before > 0 ? "\(before) locks before" : nil
    }
  }
]
