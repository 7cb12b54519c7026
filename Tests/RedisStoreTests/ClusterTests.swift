import Gate
import TestServers
import Testing

@testable import RedisStore

/// Three masters on loopback: every script's keys are of one slot, and production's text runs on its owner.
@Suite(.timeLimit(.minutes(2))) struct ClusterTests {
  private struct Cluster {
    let servers: [RedisServer]
    let beds: [RedisBed]
    static let ranges = [0...5460, 5461...10_922, 10_923...16_383] as [ClosedRange<Int64>]

    static func start() async throws -> Cluster {
      var servers: [RedisServer] = []
      var beds: [RedisBed] = []
      for _ in 0..<3 {
        let server = try await RedisServer.start(options: [
          "--cluster-enabled", "yes", "--cluster-node-timeout", "5000",
        ])
        servers.append(server)
        beds.append(try await RedisBed(server.url))
      }
      for (bed, range) in zip(beds, ranges) {
        try await bed.command(
          "CLUSTER", "ADDSLOTSRANGE", .integer(range.lowerBound), .integer(range.upperBound))
        try await bed.command("CLUSTER", "SET-CONFIG-EPOCH", .integer(range.lowerBound + 1))
      }
      for server in servers.dropFirst() {
        try await beds[0].command("CLUSTER", "MEET", "127.0.0.1", .integer(Int64(server.port)))
      }
      for bed in beds {
        for _ in 0..<600 {
          let info = try await bed.command("CLUSTER", "INFO").string ?? ""
          if info.contains("cluster_state:ok"), info.contains("cluster_known_nodes:3") { break }
          try await Task.sleep(for: .milliseconds(50))
        }
      }
      return Cluster(servers: servers, beds: beds)
    }

    func close() async throws {
      for bed in beds { try await bed.close() }
      for server in servers { try await server.kill9() }
    }
  }

  @Test func everyScriptRunsOnTheOwningNode() async throws {
    let cluster = try await Cluster.start()
    for bed in cluster.beds { try await bed.load(Scripts.embedded.library) }
    var calls = ScriptCalls()
    calls.keyspace = Keyspace(buckets: 16)
    var nodes: Set<Int> = []
    for number in 0..<24 { nodes.insert(try await play(cluster, calls, number: number)) }
    #expect(nodes == [0, 1, 2])
    try await cluster.close()
  }

  /// One user, every third of a tenant, through every script; the node that owned it.
  private func play(_ cluster: Cluster, _ calls: ScriptCalls, number: Int) async throws -> Int {
    let user = "user-\(number)"
    let tenant = number % 3 == 0 ? "tenant-\(number)" : nil
    let bucket = calls.keyspace.bucket(user: user, tenant: tenant)
    let stream = calls.keyspace.stream(bucket: bucket)
    let slot = try #require(try await cluster.beds[0].command("CLUSTER", "KEYSLOT", .text(stream)).integer)
    let node = try #require(Cluster.ranges.firstIndex { $0.contains(slot) })
    let bed = cluster.beds[node]
    func send(_ command: [RedisArgument]) async throws -> RedisValue {
      let count = command.count > 2 && command[0] == "FCALL" ? keyCount(command) : 0
      for key in command.dropFirst(3).prefix(count) {
        #expect(try await bed.command("CLUSTER", "KEYSLOT", key).integer == slot)
      }
      return try await bed.run(command)
    }
    func letter(_ command: [RedisArgument]) async throws -> Character? {
      let reply = try await send(command)
      return reply.bytes.first.map { Character(Unicode.Scalar($0)) }
    }

    let time = try await bed.command("TIME").array ?? []
    let now = (time[0].integer ?? 0) * 1000
    var accounts = [AccountSnapshot(account: .user(user), tenant: tenant, version: 1)]
    if let tenant { accounts.append(AccountSnapshot(account: .tenant(tenant), version: 1)) }
    for account in accounts {
      for command in calls.load(account, epoch: 1, now: now).dropLast() {
        #expect(try await send(command) == .status("OK"))
      }
      #expect(try await send(try #require(calls.load(account, epoch: 1, now: now).last)) == .integer(1))
    }
    var request = request(user, tenant, now: now)
    #expect(try await letter(calls.request(request, operation: "spend\(number)")) == "A")
    request.idempotencyKey = "key"
    request.mode = .reserve
    request.ttl = 60_000
    request.hold = HoldID(
      operation: OperationID(high: 0x3030_3030_3030_3030, low: 0x3030_3030_3030_3030), user: user,
      tenant: tenant)
    #expect(try await letter(calls.request(request, operation: "reserve\(number)")) == "A")
    let hold = try #require(request.hold)
    let deadline = now + 60_000
    #expect(
      try await letter(
        calls.extend(hold, tokens: 20, ttl: 90_000, epoch: 1, deadline: deadline, operation: "e")) == "A")
    #expect(try await letter(calls.settle(hold, tokens: 15, epoch: 1, deadline: deadline)) == "A")
    request.afterTheFact = true
    request.mode = .spend
    request.idempotencyKey = "other"
    #expect(try await letter(calls.request(request, operation: "usage\(number)")) == "A")
    #expect(try await letter(calls.report(request)) == "A")
    accounts[0].version = 2
    accounts[0].grants = [.made(1, 10)]
    #expect(
      try await send(calls.apply(accounts[0], rolloverMax: 0, carriesDebt: false, epoch: 1)) == .integer(1))
    let fence = ScriptCalls.call(
      Scripts.embedded.fence,
      [
        calls.keyspace.account(.user(user), bucket: bucket),
        calls.keyspace.lease(.user(user), bucket: bucket),
      ], [.integer(3)])
    #expect(try await send(fence) == .integer(1))
    #expect(
      try await send(
        ScriptCalls.call(
          Scripts.embedded.epoch, [calls.keyspace.epoch(bucket: bucket)], [.integer(1), "run"]))
        == .integer(1))
    #expect(
      try await send(
        ScriptCalls.call(Scripts.embedded.acknowledge, [stream], [.text(Keyspace.group), "1-1"]))
        == .integer(1))
    return node
  }

  private func keyCount(_ command: [RedisArgument]) -> Int {
    if case .integer(let count) = command[2] { Int(count) } else { 0 }
  }

  private func request(_ user: String, _ tenant: String?, now: Int64) -> ModelRequest {
    let plan = ScriptBench.plan()
    var team = ScriptBench.plan(BudgetRule(tokens: 1000, period: .month, draw: .both))
    team.name = "team"
    let principal = Principal(
      user: user, tenant: tenant, userPlan: "plan", tenantPlan: tenant == nil ? nil : "team", version: 1,
      tenantVersion: tenant == nil ? 0 : 1)
    let catalog = Catalog(
      defaultFeature: "chat", plans: [plan, team], features: [Feature(name: "chat", defaultTokens: 1)])
    let month = WorldPlans.bounds(.month, at: now)
    return ModelRequest(
      rights: ModelRights(
        principal: principal, entitlement: Entitlement(of: principal, catalog: catalog)),
      calendars: ModelCalendars(own: month, pool: month, day: WorldPlans.bounds(.day, at: now)), epoch: 1,
      deadline: now + 60_000, tokens: 10)
  }
}
