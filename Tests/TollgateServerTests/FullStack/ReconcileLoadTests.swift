import Foundation
import Synchronization
import Testing

extension FullStack {
  /// Reconciliations beside a load that does everything that moves a budget.
  @Suite(.stack) struct ReconcileLoadTests {
    /// Everything that is done to one user, over and over, by one connection.
    private struct Mischief {
      let stack: Stack
      let user: TestUser
      var random: SeededGenerator
      var holds: [String] = []

      /// One random thing.
      mutating func act(_ connection: Connection) async throws {
        let tokens = Int.random(in: 1...400, using: &random)
        switch Int.random(in: 0..<1000, using: &random) {
        case 0..<450: _ = try await check(connection, #"{"feature":"note","tokens":\#(max(100, tokens))}"#)
        case 450..<600:
          // Half of them end by themselves: some are charged, some go back.
          let feature = Bool.random(using: &random) ? "note" : user.id.hasPrefix("storm") ? "gone" : "note"
          let ttl = Bool.random(using: &random) ? 1 : 60
          let answer = try await check(
            connection, #"{"feature":"\#(feature)","tokens":200,"mode":"reserve","ttl_s":\#(ttl)}"#)
          if let hold = answer.json["reservation"]["id"].string { holds.append(hold) }
        case 600..<750: try await resolve(connection, "settle", #"{"tokens":\#(tokens)}"#)
        case 750..<800: try await resolve(connection, "release", "{}")
        case 800..<850:
          guard let hold = holds.last else { return }
          let body = Bool.random(using: &random) ? #"{"tokens":\#(tokens)}"# : #"{"used_so_far":\#(tokens)}"#
          _ = try await send(connection, "POST", "/v1/reservations/\(hold)/extend", body)
        case 850..<990:
          let body = #"{"user":"\#(user.id)","feature":"note","tokens":\#(tokens)}"#
          _ = try await send(connection, "POST", "/v1/usage", body)
        case 990..<994:
          _ = try await stack.admin(
            "POST", "/admin/v1/users/\(user.id)/grants", #"{"tokens":\#(tokens * 50)}"#)
        case 994..<997:
          let budget = try await stack.call("GET", "/v1/budget", user.credentials)
          let grants = budget.json["grants"].items.filter { $0["kind"].string == "adjustment" }
          guard let id = grants.randomElement(using: &random)?["id"].string else { return }
          _ = try await stack.admin("DELETE", "/admin/v1/users/\(user.id)/grants/\(id)")
        default: _ = try await stack.admin("POST", "/admin/v1/users/\(user.id)/budget/reset", "{}")
        }
      }

      private mutating func resolve(_ connection: Connection, _ action: String, _ body: String) async throws {
        guard let index = holds.indices.randomElement(using: &random) else { return }
        _ = try await send(connection, "POST", "/v1/reservations/\(holds.remove(at: index))/\(action)", body)
      }

      private func check(_ connection: Connection, _ body: String) async throws -> Answer {
        try await connection.send(Request("POST", "/v1/check", user.credentials, body))
      }

      private func send(
        _ connection: Connection, _ method: String, _ path: String, _ body: String
      ) async throws -> Answer {
        try await connection.send(Request(method, path, stack.service, body))
      }
    }

    private final class LoadState: Sendable {
      let isOver = Mutex(false)
      let acts = Mutex(0)
    }

    @Test func nothingIsEverFoundWhereNothingIsWrong() async throws { try await Self.findNothing() }

    static func findNothing() async throws {
      let stack = Stack.here
      let seed = UInt64.random(in: 0 ... .max)
      print("ReconcileLoad: seed \(seed)")
      _ = try await stack.admin("PUT", "/admin/v1/tenants/crew", #"{"plan":"team"}"#)
      var users: [TestUser] = []
      for index in 0..<2 {
        users.append(try await stack.makeUser("month-\(index)", plan: "free"))
        users.append(try await stack.makeUser("storm-\(index)", plan: "storm"))
        users.append(try await stack.makeUser("crew-\(index)", tenant: "crew"))
      }
      let state = LoadState()
      let port = stack.gate.port
      var runs = 0
      var compared: Int64 = 0
      try await withThrowingTaskGroup(of: Void.self) { group in
        // Two connections a user: they get in each other's way.
        for (index, user) in (users + users).enumerated() {
          group.addTask {
            var mischief = Mischief(
              stack: stack, user: user, random: SeededGenerator(seed: seed &+ UInt64(index)))
            let connection = try await Connection.open(port)
            while !state.isOver.withLock({ $0 }) {
              try await mischief.act(connection)
              state.acts.withLock { $0 += 1 }
            }
            await connection.close()
          }
        }
        let end = ContinuousClock.now + .seconds(12)
        while ContinuousClock.now < end {
          let report = try await stack.admin("POST", "/admin/v1/reconcile", #"{"mend":false}"#)
          let json = report.json
          #expect(
            json["drifted"].integer == 0 && json["unchecked"].integer == 0, "seed \(seed): \(report.text)")
          #expect(json["accounts"].integer == 7 && json["after"] == .null)
          runs += 1
          compared += json["clean"].integer ?? 0
        }
        state.isOver.withLock { $0 = true }
        try await group.waitForAll()
      }
      let acts = state.acts.withLock { $0 }
      print("ReconcileLoad: \(acts) acts, \(runs) runs, \(compared) accounts compared")
      #expect(runs >= 3 && compared >= 15 && acts >= 1000)
      try await eventually(within: .seconds(10), "the streams are booked") {
        try await stack.call("GET", "/readyz").json["components"]["stream"]["entries"].integer == 0
      }
      let last = try await stack.admin("POST", "/admin/v1/reconcile", #"{"mend":false}"#)
      #expect(last.json["drifted"].integer == 0, "seed \(seed): \(last.text)")
      for user in users { #expect(try await stack.budget(user).adds) }
    }

    /// A fault is found and mended while the account is spent from at full speed; not one acknowledged token is
    /// lost on the way.
    @Test func aFaultIsMendedUnderLoad() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("busy", plan: "free")
      _ = try await stack.admin("POST", "/admin/v1/users/busy/grants", #"{"tokens":900000000}"#)
      let request = Request("POST", "/v1/check", user.credentials, #"{"feature":"note","tokens":100}"#)
      let load = SpendLoad(stack, request, tokens: 100)
      let tally = try await load.run(connections: 8) {
        for round in 0..<5 {
          try await load.waitForAnswers(100)
          if round % 2 == 0 {
            try await stack.sql(
              """
              UPDATE tollgate.grants SET used = used + 5000, booked_at = clock_timestamp() WHERE account_id = 'busy'
              """)
          } else {
            let probe = try await stack.openRedis()
            let script = """
              local raw = redis.call('HGET', KEYS[1], 's')
              local used = struct.unpack('<d', string.sub(raw, 129, 136))
              return redis.call('HSET', KEYS[1], 's',
                string.sub(raw, 1, 128) .. struct.pack('<d', used + 12345) .. string.sub(raw, 137))
              """
            try await probe.command("EVAL", script, "1", "tg:{0}:u:busy")
            await probe.close()
          }
          let mended = try await stack.admin("POST", "/admin/v1/reconcile", #"{"user":"busy"}"#)
          #expect(mended.json["mended"].integer == 1, "round \(round): \(mended.text)")
        }
      }
      #expect(tally.unknown == 0, "\(tally.statuses)")
      try await stack.waitForBooks()
      #expect(try await stack.booked("busy") == tally.acknowledged)
      #expect(try await stack.budget(user).used == tally.acknowledged)
      let last = try await stack.admin("POST", "/admin/v1/reconcile", #"{"user":"busy","mend":false}"#)
      #expect(last.json["clean"].integer == 1, "\(last.text)")
    }
  }
}

extension FullStack {
  /// The same where accounts are spread over several streams.
  @Suite(.stack(StackOptions(config: "redis: {buckets: 4}\n"))) struct ReconcileBucketsTests {
    @Test func nothingIsEverFoundWhereNothingIsWrong() async throws {
      try await ReconcileLoadTests.findNothing()
    }
  }
}

/// SplitMix64, so that a failure can be played again.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}
