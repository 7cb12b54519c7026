import Gate
import Synchronization
import TestServers
import Testing

@testable import RedisStore

/// The library as Redis keeps it: found missing, beside others, refused.
@Suite(.timeLimit(.minutes(2))) struct FunctionTests {
  private static func rights(_ bed: EngineBed) async throws -> ModelRights {
    bed.books.snapshots.withLock {
      $0[.user("u")] = AccountSnapshot(account: .user("u"), version: 1)
    }
    _ = try await bed.loader.load(.user("u"), tenant: nil)
    let plan = ScriptBench.plan()
    let catalog = Catalog(defaultFeature: "chat", plans: [plan], features: [WorldPlans.chat])
    let principal = Principal(user: "u", userPlan: plan.name, version: 1)
    return ModelRights(
      principal: principal, entitlement: Entitlement(of: principal, catalog: catalog))
  }

  @Test func manyCallsThatFindItMissingLoadItOnce() async throws {
    let bed = try await EngineBed()
    let rights = try await FunctionTests.rights(bed)
    _ = try await bed.client.command(["FUNCTION", "FLUSH"])
    _ = try await bed.client.command(["CONFIG", "RESETSTAT"])
    let count = 300
    let verdicts = try await withThrowingTaskGroup(of: CheckVerdict.self) { group in
      for _ in 0..<count {
        group.addTask { try await bed.check(rights, tokens: 1).0 }
      }
      return try await group.reduce(into: [CheckVerdict]()) { $0.append($1) }
    }
    #expect(verdicts == Array(repeating: .allowed, count: count))
    let calls = try await bed.commandStats()
    // Those that were on their way before the first was told share its load; none is taken twice.
    #expect(calls["function|load"] == 1)
    #expect(calls["xadd"] == count + 1, "one for the period that began")
    #expect(try await bed.check(rights, tokens: 0) { $0.mode = .peek }.1.budget.used == Int64(count))
    try await bed.close()
  }

  @Test func coldCallsShareALoad() async throws {
    let bed = try await EngineBed()
    _ = try await bed.client.command(["FUNCTION", "FLUSH"])
    _ = try await bed.client.command(["CONFIG", "RESETSTAT"])
    let epoch = Scripts.embedded.epoch
    try await withThrowingTaskGroup(of: Int64?.self) { group in
      for number in 1...100 as ClosedRange<Int64> {
        group.addTask {
          try await bed.client.call(epoch, keys: ["e"], arguments: [.integer(number), "run"]).integer
        }
      }
      for try await epoch in group { #expect((1...100).contains(epoch ?? 0)) }
    }
    #expect(try await bed.commandStats()["function|load"] == 1)
    #expect(try await bed.client.command(["GET", "e"]).string == "100:run")
    try await bed.close()
  }

  @Test func anOlderReleaseBesideANewerOne() async throws {
    let bed = try await EngineBed()
    let older = Scripts(text: Scripts.text() + Array("-- an older release\n".utf8))
    let newer = Scripts.embedded
    #expect(older.library.name != newer.library.name)
    func epoch(_ scripts: Scripts, _ number: Int64) async throws -> Int64? {
      try await bed.client.call(scripts.epoch, keys: ["e"], arguments: [.integer(number), "run"]).integer
    }
    #expect(try await epoch(older, 1) == 1)
    #expect(try await epoch(newer, 2) == 2)
    func libraries() async throws -> Int? {
      try await bed.client.command(["FUNCTION", "LIST", "LIBRARYNAME", "tollgate_*"]).array?.count
    }
    #expect(try await libraries() == 2)
    // Deleting one never harms: not the other, and its own gates bring it back.
    _ = try await bed.client.command(["FUNCTION", "DELETE", .text(older.library.name)])
    #expect(try await epoch(newer, 3) == 3)
    #expect(try await libraries() == 1)
    #expect(try await epoch(older, 4) == 4)
    #expect(try await libraries() == 2)
    try await bed.close()
  }

  @Test func aLibraryThatRedisRefusesIsNotAskedForInALoop() async throws {
    let bed = try await EngineBed()
    let rights = try await FunctionTests.rights(bed)
    _ = try await bed.client.command(["CONFIG", "SET", "maxmemory", "1"])
    _ = try await bed.client.command(["FUNCTION", "FLUSH"])
    _ = try await bed.client.command(["CONFIG", "RESETSTAT"])
    #expect(try await bed.check(rights, tokens: 1).0 == .unavailable)
    #expect(try await bed.resolve(FunctionTests.hold, .settle(tokens: 1)) == .unavailable)
    #expect(try await bed.commandStats()["fcall"] == 4, "each is asked twice")
    _ = try await bed.client.command(["CONFIG", "SET", "maxmemory", "0"])
    #expect(try await bed.check(rights, tokens: 1).0 == .allowed)
    try await bed.close()
  }

  private static let hold = HoldID(
    operation: OperationID(high: 0x3030_3030_3030_3030, low: 0x3030_3030_3030_3031), user: "u", tenant: nil)

  @Test func whatMayRunWhenRedisIsFull() async throws {
    let server = try await RedisServer.start()
    let bed = try await RedisBed(server.url)
    let scripts = Scripts.embedded
    try await bed.load(scripts.library)
    let list = try await bed.command("FUNCTION", "LIST").array ?? []
    var flags: [String: [String]] = [:]
    for function in list.first?.array?.last?.array ?? [] {
      let parts = function.array ?? []
      flags[parts[1].string ?? ""] = parts[5].array?.compactMap(\.string)
    }
    for function in scripts.all {
      let expected =
        switch function.name {
        case "check": [String]()
        case "inspect": ["no-writes"]
        default: ["allow-oom"]
        }
      #expect(flags[String(decoding: function.wireName, as: UTF8.self)] == expected, "\(function.name)")
    }
    try await bed.close()
    try await server.kill9()
  }
}
