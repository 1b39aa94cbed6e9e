import Foundation
import Glibc
import TestSupport
import Threads

/// Clients that behave badly, beside those that behave.
let httpFaults = [
  Fault(row: 23, name: "wild-bytes", breaks: [.crowd]) { sale, random in
    try sale.sell(200)
    try sale.injure("bytes that are no HTTP", back: .draws(withinMs: 5_000)) {
      var answers: [Int: Int] = [:]
      for _ in 0..<300 {
        let request = wildRequest(sale, &random)
        let client = HTTPTestClient(
          port: sale.draws.randomElement(using: &random)!.port, timeoutMs: 100)
        let status = (try? sendRaw(client, request)) ?? 0
        answers[status / 100, default: 0] += 1
      }
      return answers[4, default: 0] + answers[5, default: 0] > 0
        ? "300 requests, answers by class: \(answers.sorted { $0.key < $1.key })" : nil
    }
  },
  Fault(row: 23, name: "slow-clients", breaks: [.crowd]) { sale, random in
    try sale.sell(200)
    try sale.injure("300 connections that dribble", back: .draws(withinMs: 5_000)) {
      let text = Array("POST /v1/activities/\(sale.deployment.activity)/draws HTTP/1.1\r\n".utf8)
      let clients = (0..<300).map {
        HTTPTestClient(port: sale.draws[$0 % sale.draws.count].port, timeoutMs: 9_000)
      }
      var sent = 0
      // A byte each, as long as there are bytes and the time of a round is not over.
      for byte in text.prefix(40) {
        for client in clients where (try? client.write([byte])) != nil { sent += 1 }
        usleep(20_000)
      }
      let timedOut = clients.prefix(20).count { (try? $0.readReply().status) == 408 }
      return timedOut > 0 ? "\(sent) single bytes, 408 for \(timedOut) of the first 20" : nil
    }
  },
  Fault(row: 23, name: "oversize", breaks: [.crowd]) { sale, random in
    try sale.sell(200)
    try sale.injure("requests larger than the limits", back: .draws(withinMs: 5_000)) {
      let path = "/v1/activities/\(sale.deployment.activity)/draws"
      let long = String(repeating: "x", count: Int.random(in: 9_000...200_000, using: &random))
      let tries: [(Int, [UInt8])] = [
        (414, Array("POST \(path)?\(long) HTTP/1.1\r\nHost: x\r\n\r\n".utf8)),
        (431, Array("POST \(path) HTTP/1.1\r\nHost: x\r\nX-Long: \(long)\r\n\r\n".utf8)),
        (
          413,
          Array("POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: \(long.count)\r\n\r\n".utf8)
        ),
        (
          400,
          Array("POST \(path) HTTP/1.1\r\nHost: x\r\nX-User-Id: \(long.prefix(65))\r\n\r\n".utf8)
        ),
      ]
      var counts: [Int: Int] = [:]
      for _ in 0..<25 {
        for (expected, bytes) in tries {
          let port = sale.draws.randomElement(using: &random)!.port
          let status = try sendRaw(HTTPTestClient(port: port, timeoutMs: 3_000), bytes)
          guard status == expected || status == 0 else {
            throw Broken("answered \(status) instead of \(expected)")
          }
          counts[status, default: 0] += 1
        }
      }
      return tries.allSatisfy { counts[$0.0, default: 0] > 0 }
        ? "by status: \(counts.sorted { $0.key < $1.key })" : nil
    }
  },
  Fault(row: 23, name: "repeated-keys", breaks: [.crowd, .draws]) { sale, random in
    try sale.sell(200)
    try sale.injure("the same key again and again, and by others", back: .draws(withinMs: 5_000)) {
      let trials = try (0..<12).map { _ in try KeyTrial(sale, &random).run() }
      let (answers, served) = (
        trials.reduce(0) { $0 + $1.answers }, trials.count(where: \.isServed)
      )
      return served >= 6
        ? "\(answers) answers on 12 keys, each by two users on both services; "
          + "for \(served) both were told a slot of their own, again and again" : nil
    }
  },
]

/// Bytes that begin as a request and go wrong, or never begin as one.
private func wildRequest(_ sale: Sale, _ random: inout Seeded) -> [UInt8] {
  if Int.random(in: 0..<4, using: &random) == 0 {
    return (0..<Int.random(in: 1...2_000, using: &random)).map { _ in
      UInt8.random(in: 0...255, using: &random)
    }
  }
  // Without a user: whatever is left of it after the changes, it claims nothing that nobody knows of.
  let text = "POST /v1/activities/\(sale.deployment.activity)/draws HTTP/1.1\r\nHost: x\r\n\r\n"
  return mutated(Array(text.utf8), &random)
}

/// The status of the reply; 0 when the connection was closed without one.
private func sendRaw(_ client: HTTPTestClient, _ bytes: [UInt8]) throws -> Int {
  do {
    try client.write(bytes)
    return try client.readReply().status
  } catch is HTTPTestClient.Failure {
    return 0
  }
}

/// One Idempotency-Key that two users use, on both services, several times each; at the end both give back.
private struct KeyTrial {
  let sale: Sale
  let users: [String]
  let key: String

  init(_ sale: Sale, _ random: inout Seeded) {
    self.sale = sale
    let word = String(UInt64.random(in: 0...UInt64.max, using: &random), radix: 36)
    users = ["wild-\(word)-a", "wild-\(word)-b"]
    key = "key-\(word)"
  }

  /// How many answers there were, and whether both users had a slot that repeats told again. Throws when answers are not
  /// what one key must give.
  func run() throws -> (answers: Int, isServed: Bool) {
    var told: [String: [Int]] = [:]
    var answers = 0
    let path = "/v1/activities/\(sale.deployment.activity)/draws"
    for turn in 0..<6 {
      for user in users {
        let reply = try send("POST", path, user, "ask", service: turn % sale.draws.count)
        answers += 1
        if let slot = reply.slot { told[user, default: []].append(slot) }
      }
    }
    for (user, its) in told where Set(its).count > 1 {
      throw Broken("\(user) was told slots \(Set(its).sorted()) for one key")
    }
    if let one = told[users[0]]?.first, one == told[users[1]]?.first {
      throw Broken("two users were told slot \(one) for the key \(key)")
    }
    for user in users {
      let isBack = try eventually(within: 20, everyMs: 100) {
        let reply = try send("DELETE", "\(path)/\(key)", user, "giveBack", service: 0)
        answers += 1
        return reply.state == "released" || reply.code == "released"
          || reply.code == "unknown_request"
      }
      guard isBack else { throw TestSupportError("\(user) could not give \(key) back") }
    }
    return (answers, users.allSatisfy { told[$0, default: []].count > 1 })
  }

  private func send(_ method: String, _ path: String, _ user: String, _ call: String, service: Int)
    throws -> HTTPTestClient.Reply
  {
    let sentUs = nowUs()
    let headers = ["X-User-Id": user, "Idempotency-Key": key]
    let reply = try HTTPTestClient(port: sale.draws[service].port).send(method, path, headers)
    var fields: [String: Any] = [
      "sentUs": sentUs, "latencyUs": nowUs() - sentUs, "user": user, "request": key, "call": call,
      "service": service, "status": reply.status,
    ]
    switch (reply.status, reply.state) {
    case (200, "claimed"):
      fields["answer"] = "claimed"
      fields["slot"] = reply.slot ?? 0
      fields["replayed"] = reply.json["replayed"] as? Bool ?? false
    case (200, "released"): fields["answer"] = "released"
    case (202, _): fields["answer"] = "pending"
    case (503, _): (fields["answer"], fields["code"]) = ("later", reply.code ?? "")
    case (409, _) where reply.code == "released": fields["answer"] = "released"
    default: (fields["answer"], fields["code"]) = ("refused", reply.code ?? "")
    }
    sale.add(told: fields)
    return reply
  }
}
