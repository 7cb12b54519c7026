import Foundation
import Testing

extension FullStack {
  /// Faults by hand, in Redis and in the books: each is found with its numbers, and made right.
  @Suite(.stack) struct ReconcileTests {
    private let note = #"{"feature":"note","tokens":100}"#

    /// A user who has spent 300 of the month's 50,000 and holds 200, all booked.
    private func spender(_ id: String) async throws -> (user: TestUser, hold: String, grant: String) {
      let stack = Stack.here
      let user = try await stack.makeUser(id, plan: "free")
      for _ in 0..<3 { #expect(try await stack.check(user, note).status == 200) }
      let reserve = #"{"feature":"note","tokens":200,"mode":"reserve","ttl_s":600}"#
      let held = try await stack.check(user, reserve)
      try await stack.waitForBooks()
      let grant = try await stack.sql(
        "SELECT series || number FROM tollgate.grants WHERE account_id = '\(id)'")
      return (user, try #require(held.json["reservation"]["id"].string), "grt_\(grant)")
    }

    private func reconcile(_ user: TestUser, mend: Bool) async throws -> JSONValue {
      let body = "{\"user\":\"\(user.id)\",\"mend\":\(mend)}"
      let answer = try await Stack.here.admin("POST", "/admin/v1/reconcile", body)
      #expect(answer.status == 200, "\(answer.text)")
      return answer.json
    }

    private struct Seen: Hashable {
      var kind: String
      var name: String?
      var redis, books, entries: Int64?
      init(
        _ kind: String, _ name: String? = nil, redis: Int64? = nil, books: Int64? = nil, entries: Int64? = nil
      ) {
        self.kind = kind
        self.name = name
        self.redis = redis
        self.books = books
        self.entries = entries
      }
      init(_ json: JSONValue) {
        self.init(
          json["kind"].string ?? "", json["name"].string, redis: json["redis"].integer,
          books: json["books"].integer, entries: json["entries"].integer)
      }
    }

    private func seen(_ report: JSONValue) -> Set<Seen> {
      Set(report["items"][0]["differences"].items.map(Seen.init))
    }

    /// The fault is found as `expected`, again and again; then it is mended, and the budget is `used` and `held`.
    private func expectMended(
      _ user: TestUser, _ expected: Set<Seen>, used: Int64 = 300, held: Int64 = 200,
      sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
      let stack = Stack.here
      for _ in 0..<2 {
        let report = try await reconcile(user, mend: false)
        #expect(report["drifted"].integer == 1, "\(report)", sourceLocation: sourceLocation)
        #expect(seen(report) == expected, sourceLocation: sourceLocation)
      }
      let metrics = try await stack.admin("GET", "/metrics").text
      #expect(metrics.contains("\ntollgate_drift_accounts 1\n"), sourceLocation: sourceLocation)
      let mended = try await reconcile(user, mend: true)
      #expect(mended["mended"].integer == 1, "\(mended)", sourceLocation: sourceLocation)
      #expect(seen(mended).isSuperset(of: expected), sourceLocation: sourceLocation)
      let after = try await reconcile(user, mend: false)
      #expect(after["clean"].integer == 1, "\(after)", sourceLocation: sourceLocation)
      let clean = try await stack.admin("GET", "/metrics").text
      #expect(clean.contains("\ntollgate_drift_accounts 0\n"), sourceLocation: sourceLocation)
      let budget = try await stack.budget(user)
      #expect(
        budget.adds && budget.used == used && budget.held == held, "\(budget)", sourceLocation: sourceLocation
      )
      try await expectRedisIsTheBooks(user, sourceLocation: sourceLocation)
      let audit = try await stack.admin(
        "GET", "/admin/v1/audit?subject=user:\(user.id)&action=reconcile.mend")
      #expect(audit.json["items"].items.count == 1, "\(audit.text)", sourceLocation: sourceLocation)
    }

    /// The readable rest, the grants' rows, and the sum of the entries all say the same.
    private func expectRedisIsTheBooks(
      _ user: TestUser, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
      let stack = Stack.here
      let budget = try await stack.budget(user)
      let probe = try await stack.openRedis()
      let rest = try await probe.command("GET", "chatbot-usage:\(user.id)").string
      await probe.close()
      #expect(rest.flatMap { Int64($0) } == budget.remaining, sourceLocation: sourceLocation)
      let id = "account_id = '\(user.id)'"
      let used = try await stack.sql("SELECT sum(used) FROM tollgate.grants WHERE \(id)")
      #expect(Int64(used) == budget.used, sourceLocation: sourceLocation)
      let rolled = try await stack.sql("SELECT sum(tokens) FROM tollgate.ledger_hourly WHERE \(id)")
      #expect(try await stack.booked(user.id) == Int64(rolled), sourceLocation: sourceLocation)
    }

    @Test func nothingIsFoundWhereNothingIsWrong() async throws {
      let stack = Stack.here
      let (user, hold, _) = try await spender("well")
      let report = try await reconcile(user, mend: true)
      #expect(report["clean"].integer == 1 && report["items"].items.isEmpty, "\(report)")
      _ = try await stack.call("POST", "/v1/reservations/\(hold)/settle", stack.service, #"{"tokens":150}"#)
      #expect(try await reconcile(user, mend: false)["clean"].integer == 1)
      #expect(try await stack.budget(user).used == 450)
      let all = try await stack.admin("POST", "/admin/v1/reconcile", "{}")
      #expect(all.json["drifted"].integer == 0 && all.json["after"] == .null, "\(all.text)")
      expectProblem(
        try await stack.admin("POST", "/admin/v1/reconcile", #"{"user":"nobody"}"#), 404, "not_found")
      expectProblem(
        try await stack.admin("POST", "/admin/v1/reconcile", #"{"usr":"well"}"#), 400, "invalid_request")
    }

    /// Adds to the double at `offset` (from 0) of an account in Redis: 104 bytes of header, 72 a grant.
    private func poke(_ user: TestUser, double index: Int, by amount: Int64) async throws {
      let probe = try await Stack.here.openRedis()
      let script = """
        local raw = redis.call('HGET', KEYS[1], 's')
        local at = ARGV[1] * 8
        local value = struct.unpack('<d', string.sub(raw, at + 1, at + 8))
        redis.call('HSET', KEYS[1], 's', string.sub(raw, 1, at) .. struct.pack('<d', value + ARGV[2])
          .. string.sub(raw, at + 9))
        return 1
        """
      let answer = try await probe.command(
        "EVAL", script, "1", "tg:{0}:u:\(user.id)", String(index), String(amount))
      #expect(answer == .integer(1))
      await probe.close()
    }

    @Test func aCounterInRedis() async throws {
      let (user, _, grant) = try await spender("counter")
      // The fourth double of the first grant is what is used of it; the readable rest is as it was.
      try await poke(user, double: 13 + 3, by: 5000)
      try await expectMended(
        user,
        [
          Seen("grant_used", grant, redis: 5300, books: 300),
          Seen("readable_rest", redis: 49_500, books: 44_500),
        ])
    }

    @Test func whatIsHeldInRedis() async throws {
      let (user, _, grant) = try await spender("held")
      try await poke(user, double: 13 + 4, by: -150)
      try await expectMended(
        user,
        [
          Seen("grant_held", grant, redis: 50, books: 200),
          Seen("readable_rest", redis: 49_500, books: 49_650),
        ])
    }

    @Test func debtInRedis() async throws {
      let (user, _, _) = try await spender("debtor")
      try await poke(user, double: 2, by: 77)
      try await expectMended(user, [Seen("debt", redis: 77, books: 0)])
    }

    @Test func theReadableRest() async throws {
      let (user, _, _) = try await spender("reader")
      let probe = try await Stack.here.openRedis()
      try await probe.command("SET", "chatbot-usage:reader", "999999")
      try await expectMended(user, [Seen("readable_rest", redis: 999_999, books: 49_500)])
      try await probe.command("DEL", "chatbot-usage:reader")
      let report = try await reconcile(user, mend: true)
      #expect(seen(report) == [Seen("readable_rest", books: 49_500)])
      try await expectRedisIsTheBooks(user)
      await probe.close()
    }

    @Test func aRollup() async throws {
      let (user, _, _) = try await spender("rolled")
      let row = "account_id = 'rolled' AND feature = 'note'"
      try await Stack.here.sql(
        "UPDATE tollgate.ledger_hourly SET tokens = tokens + 11, entries = 9 WHERE \(row)")
      let report = try await reconcile(user, mend: false)
      let hour = try #require(report["items"][0]["differences"][0]["name"].string)
      #expect(hour.hasSuffix(":00:00Z note"))
      try await expectMended(
        user,
        [
          Seen("rollup_tokens", hour, books: 311, entries: 300),
          Seen("rollup_entries", hour, books: 9, entries: 3),
        ])
    }

    @Test func aRollupOfADay() async throws {
      let (user, _, _) = try await spender("daily-roll")
      try await Stack.here.sql("DELETE FROM tollgate.ledger_daily WHERE account_id = 'daily-roll'")
      let report = try await reconcile(user, mend: false)
      let day = try #require(report["items"][0]["differences"][0]["name"].string)
      #expect(day.hasSuffix(" note") && day.count == 15)
      try await expectMended(
        user,
        [
          Seen("rollup_tokens", day, books: 0, entries: 300),
          Seen("rollup_entries", day, books: 0, entries: 3),
        ])
    }

    @Test func whatAGrantsRowSays() async throws {
      let (user, _, grant) = try await spender("row")
      try await Stack.here.sql(
        "UPDATE tollgate.grants SET used = 1300, booked_at = clock_timestamp() WHERE account_id = 'row'")
      try await expectMended(
        user,
        [
          Seen("booked_used", grant, books: 1300, entries: 300),
          Seen("grant_used", grant, redis: 300, books: 1300),
        ])
    }

    @Test func whatABalanceSays() async throws {
      let (user, _, _) = try await spender("balance")
      try await Stack.here.sql(
        "INSERT INTO tollgate.account_balances VALUES ('user', 'balance', 40)")
      try await expectMended(
        user, [Seen("booked_debt", books: 40, entries: 0), Seen("debt", redis: 0, books: 40)])
    }

    /// The entries are the truth: what none tells of was not spent.
    @Test func anEntryThatIsGone() async throws {
      let stack = Stack.here
      let (user, _, grant) = try await spender("entry")
      try await stack.sql(
        """
        DELETE FROM tollgate.ledger WHERE (stream_ms, stream_seq) = (
          SELECT stream_ms, stream_seq FROM tollgate.ledger WHERE user_id = 'entry' AND kind = 'spend' LIMIT 1)
        """)
      let report = try await reconcile(user, mend: false)
      let hour = try #require(
        report["items"][0]["differences"].items.compactMap { $0["name"].string }
          .first { $0.hasSuffix("Z note") })
      let day = "\(hour.prefix(10)) note"
      try await expectMended(
        user,
        [
          Seen("booked_used", grant, books: 300, entries: 200),
          Seen("rollup_tokens", hour, books: 300, entries: 200),
          Seen("rollup_entries", hour, books: 3, entries: 2),
          Seen("rollup_tokens", day, books: 300, entries: 200),
          Seen("rollup_entries", day, books: 3, entries: 2),
        ], used: 200)
    }

    @Test func aHoldThatRedisHasLost() async throws {
      let stack = Stack.here
      let (user, hold, _) = try await spender("lost")
      let probe = try await stack.openRedis()
      #expect(try await probe.command("HDEL", "tg:{0}:u:lost", hold) == .integer(1))
      await probe.close()
      try await expectMended(
        user,
        [Seen("hold_missing", hold, books: 200), Seen("open_holds", redis: 1, books: 1)])
      let settled = try await stack.call(
        "POST", "/v1/reservations/\(hold)/settle", stack.service, #"{"tokens":120}"#)
      #expect(
        settled.status == 200 && settled.budget.used == 420 && settled.budget.held == 0, "\(settled.text)")
    }

    @Test func aHoldThatOnlyRedisHas() async throws {
      let stack = Stack.here
      let (user, _, _) = try await spender("made")
      let probe = try await stack.openRedis()
      let fields = ["open", "70", "4000000000000", "1790000000000", "0", "-1", "@0", "", "made", "", "note"]
      let record = fields.joined(separator: "\u{1F}")
      try await probe.command("HSET", "tg:{0}:u:made", "rsv_made_up", record)
      try await expectMended(
        user,
        [Seen("hold_unknown", "rsv_made_up", redis: 70), Seen("open_holds", redis: 1, books: 1)])
      #expect(try await probe.command("HEXISTS", "tg:{0}:u:made", "rsv_made_up") == .integer(0))
      await probe.close()
    }

    @Test(arguments: [
      "DELETE FROM tollgate.holds WHERE id", "UPDATE tollgate.holds SET state = 'settled' WHERE id",
    ])
    func aHoldThatTheBooksHaveLost(fault: String) async throws {
      let stack = Stack.here
      let name = fault.hasPrefix("DELETE") ? "unmirrored" : "closed"
      let (user, hold, _) = try await spender(name)
      try await stack.sql("\(fault) = '\(hold)'")
      try await expectMended(user, [Seen("booked_hold", hold, redis: 200)])
      #expect(try await stack.sql("SELECT state FROM tollgate.holds WHERE id = '\(hold)'") == "open")
      let settled = try await stack.call(
        "POST", "/v1/reservations/\(hold)/settle", stack.service, #"{"tokens":200}"#)
      #expect(settled.budget.used == 500 && settled.budget.held == 0, "\(settled.text)")
      try await stack.waitForBooks()
      #expect(try await reconcile(user, mend: false)["clean"].integer == 1)
    }

    @Test func aGrantThatOnlyOneSideHas() async throws {
      let stack = Stack.here
      let (user, _, _) = try await spender("granted")
      let made = try await stack.admin("POST", "/admin/v1/users/granted/grants", #"{"tokens":777}"#)
      let id = try #require(made.json["id"].string)
      // As a change that Redis has never heard of.
      try await stack.sql(
        """
        BEGIN; SET LOCAL session_replication_role = replica;
        DELETE FROM tollgate.grants WHERE series || number = '\(id.dropFirst(4))'; COMMIT
        """)
      try await expectMended(user, [Seen("grant_unknown", id, redis: 777)])
      try await stack.sql(
        """
        BEGIN; SET LOCAL session_replication_role = replica;
        INSERT INTO tollgate.grants (account_kind, account_id, number, tokens) VALUES ('user', 'granted', 901, 55);
        COMMIT
        """)
      let report = try await reconcile(user, mend: true)
      #expect(seen(report) == [Seen("grant_missing", "grt_g901", books: 55)])
      #expect(try await stack.budget(user).limit == 50_055)
    }

    @Test func aChangeThatRedisHasMissed() async throws {
      let stack = Stack.here
      let (user, _, _) = try await spender("missed")
      try await stack.sql(
        """
        BEGIN; SET LOCAL session_replication_role = replica;
        UPDATE tollgate.users SET version = nextval('tollgate.versions') WHERE id = 'missed'; COMMIT
        """)
      let report = try await reconcile(user, mend: true)
      #expect(report["mended"].integer == 1 && seen(report).map(\.kind) == ["version"], "\(report)")
      #expect(try await stack.check(user, note).status == 200)
    }

    /// The command tells and mends, and its status says whether anything is left.
    @Test func theCommand() async throws {
      let stack = Stack.here
      let (_, _, grant) = try await spender("command")
      try await stack.sql(
        "UPDATE tollgate.grants SET used = 301, booked_at = clock_timestamp() WHERE account_id = 'command'")
      let told = try await stack.tollgate("reconcile", "--user", "command")
      #expect(told.status == 1, "\(told)")
      #expect(told.output.contains("user:command  drifted  booked_used  \(grant)      -    301      300"))
      #expect(told.errors.contains("1 account differs; --mend makes it right"))
      let all = try await stack.tollgate("reconcile", "--all", "--json")
      #expect(all.status == 1 && all.json["drifted"].integer == 1, "\(all)")
      let later = try await stack.tollgate("reconcile", "--all", "--after", "user:command", "--pace", "50")
      #expect(later.status == 0, "\(later)")
      let mended = try await stack.tollgate("reconcile", "--all", "--mend", "--json")
      #expect(mended.status == 0 && mended.json["mended"].integer == 1, "\(mended)")
      #expect(mended.json["after"] == .null)
      #expect(try await stack.tollgate("reconcile", "--user", "command").status == 0)
      #expect(try await stack.tollgate("reconcile", "--user", "nobody").status == 1)
      #expect(try await stack.tollgate("reconcile").status == 2)
      #expect(try await stack.tollgate("reconcile", "--all", "--user", "command").status == 2)
      #expect(try await stack.tollgate("reconcile", "--all", "--after", "command").status == 2)
    }

    @Test func aTenantsPool() async throws {
      let stack = Stack.here
      _ = try await stack.admin("PUT", "/admin/v1/tenants/guild", #"{"plan":"team"}"#)
      let user = try await stack.makeUser("member", tenant: "guild")
      for _ in 0..<3 { #expect(try await stack.check(user, note).status == 200) }
      try await stack.waitForBooks()
      let probe = try await stack.openRedis()
      let raw = "tg:{0}:t:guild"
      #expect(try await probe.command("EXISTS", raw) == .integer(1))
      await probe.close()
      try await stack.sql(
        "UPDATE tollgate.grants SET used = 7, booked_at = clock_timestamp() WHERE account_id = 'guild'")
      func ask(_ mend: Bool) async throws -> JSONValue {
        try await stack.admin("POST", "/admin/v1/reconcile", "{\"tenant\":\"guild\",\"mend\":\(mend)}").json
      }
      let report = try await ask(false)
      #expect(report["items"][0]["tenant"].string == "guild")
      #expect(
        seen(report) == [
          Seen("booked_used", "grt_c0", books: 7, entries: 300),
          Seen("grant_used", "grt_c0", redis: 300, books: 7),
        ])
      #expect(try await ask(true)["mended"].integer == 1)
      #expect(try await ask(false)["clean"].integer == 1)
      #expect(try await reconcile(user, mend: false)["clean"].integer == 1)
    }
  }
}
