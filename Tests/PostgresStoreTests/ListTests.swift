import Gate
import PostgresStore
import TestServers
import Testing

/// Lists that stay quick when there is much: what is kept for them, and the ways that a search takes.
@Suite struct ListTests {
  private func all(_ database: TestDatabase, _ filter: UserFilter, limit: Int = 2) async throws -> [String] {
    var seen: [String] = []
    var request = PageRequest(limit: limit)
    repeat {
      let page = try await database.store.users(filter, request)
      seen += page.items.map(\.id)
      request.cursor = page.nextCursor
    } while request.cursor != nil
    return seen
  }

  /// By every way that a subscription, a plan or an owner changes, alone and several in one transaction, the status
  /// that is kept is the one of the subscription that the gate goes by.
  @Test func statusesAreKept() async throws {
    let database = try await TestDatabase.make()
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededRandom(seed: seed)
    let statuses = ["active", "trialing", "past_due", "unpaid", "canceled"]
    func account(_ kind: String) -> String { "'\(kind)\(Int.random(in: 1...3, using: &random))'" }
    func change() -> String {
      let subscription = "'s\(Int.random(in: 1...8, using: &random))'"
      let status = "'\(statuses.randomElement(using: &random) ?? "active")'"
      let plan = Bool.random(using: &random) ? "'pro'" : "'team'"
      switch Int.random(in: 0...9, using: &random) {
      case 0...2:
        let isTenants = Bool.random(using: &random)
        return """
          INSERT INTO subscriptions (stripe_subscription_id, user_id, tenant_id, status, plan, current_period_end)
          VALUES (\(subscription), \(isTenants ? "NULL" : account("u")), \(isTenants ? account("t") : "NULL"), \(status),
            \(plan), now() + \(Int.random(in: 0...3, using: &random)) * interval '1 day')
          ON CONFLICT (stripe_subscription_id) DO UPDATE SET status = excluded.status, plan = excluded.plan,
            user_id = excluded.user_id, tenant_id = excluded.tenant_id
          """
      case 3, 4:
        return "UPDATE subscriptions SET status = \(status) WHERE stripe_subscription_id <= \(subscription)"
      case 5: return "DELETE FROM subscriptions WHERE stripe_subscription_id = \(subscription)"
      case 6: return "UPDATE users SET plan = \(plan) WHERE id = \(account("u"))"
      case 7: return "UPDATE tenants SET plan = \(plan) WHERE id = \(account("t"))"
      case 8:
        return "DELETE FROM users WHERE id = \(account("u")); INSERT INTO users (id, plan) VALUES "
          + "('u1', 'pro'), ('u2', 'team'), ('u3', 'pro') ON CONFLICT DO NOTHING"
      default: return "UPDATE users SET tenant_id = \(account("t")) WHERE id = \(account("u"))"
      }
    }
    try await database.sql("INSERT INTO tollgate.tenants (id) VALUES ('t1'), ('t2'), ('t3')")
    var statusesSeen: Set<String> = []
    for turn in 0..<60 {
      let changes = (0..<Int.random(in: 1...4, using: &random)).map { _ in change() }
      try await database.sql(
        "BEGIN; SET LOCAL search_path TO tollgate; \(changes.joined(separator: "; ")); COMMIT")
      for user in ["u1", "u2", "u3"] {
        guard let principal = try await database.store.principal(user: user) else { continue }
        for status in statuses {
          let isListed = try await all(database, UserFilter(status: status)).contains(user)
          let isSo = principal.subscription?.status == status
          #expect(isListed == isSo, "\(user) \(status), turn \(turn), seed \(seed): \(changes)")
          if isSo { statusesSeen.insert(status) }
        }
      }
    }
    #expect(statusesSeen.count > 2, "seed \(seed)")
    try await database.sql("TRUNCATE tollgate.subscriptions")
    for status in statuses { #expect(try await all(database, UserFilter(status: status)).isEmpty) }
  }

  /// What is kept for lists is no news to gates, nor to the audit log.
  @Test func aStatusRaisesNoVersionByItself() async throws {
    let database = try await TestDatabase.make()
    let before = try await database.store.putUser("u1", UserChange(), actor: "cli")
    try await database.sql("UPDATE tollgate.users SET own_status = 'active' WHERE id = 'u1'")
    #expect(try await database.store.user("u1")?.version == before.version)
    var change = UserChange()
    change.email = .set("a@b.c")
    _ = try await database.store.putUser("u1", change, actor: "cli")
    let line = try await database.store.audit(AuditFilter(subject: "user:u1"), PageRequest()).items.first
    #expect(line?.after?.contains("a@b.c") == true && line?.after?.contains("own_status") == false)
  }

  /// Near matches are found by walking the list, far ones by the indexes; pages are the same either way.
  @Test func aSearchFindsWhatLiesFarToo() async throws {
    let database = try await TestDatabase.make()
    try await database.sql(
      """
      SET search_path TO tollgate;
      INSERT INTO tenants (id) VALUES ('t1');
      INSERT INTO subscriptions (stripe_subscription_id, tenant_id, status) VALUES ('s0', 't1', 'active');
      INSERT INTO users (id, email, plan, tenant_id)
      SELECT 'u' || lpad(n::text, 5, '0'), CASE WHEN n % 2 = 0 THEN 'even' ELSE 'odd' END || n || '@mail.example',
        CASE WHEN n % 3 = 0 THEN 'pro' END, CASE WHEN n % 7 = 0 THEN 't1' END
      FROM generate_series(1, 4500) AS n;
      INSERT INTO subscriptions (stripe_subscription_id, user_id, status)
      SELECT 's' || id, id, 'past_due' FROM users WHERE right(id, 1) = '1';
      """)
    let numbers = 1...4500
    func ids(_ isWanted: (Int) -> Bool) -> [String] {
      numbers.filter(isWanted).map { number in "u" + String(String(100_000 + number).dropFirst()) }
    }
    func expect(_ filter: UserFilter, limit: Int = 200, _ isWanted: (Int) -> Bool) async throws {
      let wanted = ids(isWanted)
      #expect(!wanted.isEmpty)
      #expect(try await all(database, filter, limit: limit) == wanted, "\(filter)")
    }
    try await expect(UserFilter(query: "even")) { $0 % 2 == 0 }
    try await expect(UserFilter(query: "ODD44"), limit: 3) { $0 % 2 == 1 && String($0).hasPrefix("44") }
    try await expect(UserFilter(query: "u044"), limit: 7) { 4400...4499 ~= $0 }
    try await expect(UserFilter(query: "even", plan: "pro")) { $0 % 6 == 0 }
    try await expect(UserFilter(query: "odd4", status: "active")) {
      $0 % 14 == 7 && String($0).hasPrefix("4")
    }
    try await expect(UserFilter(query: "odd", status: "past_due")) { $0 % 10 == 1 && $0 % 7 != 0 }
    try await expect(UserFilter(query: "odd43", plan: "pro", status: "past_due")) {
      $0 % 10 == 1 && $0 % 7 != 0 && $0 % 3 == 0 && String($0).hasPrefix("43")
    }
    // No three letters or digits in a row: how it begins.
    try await expect(UserFilter(query: "u0")) { _ in true }
    for nothing in ["5@m", "@m", "_", "%", "4_", "nobody at all"] {
      #expect(try await all(database, UserFilter(query: nothing)).isEmpty, "\(nothing)")
    }
  }

  /// The tokens of all users are searched by their owners in the same way, newest first.
  @Test func tokensAreFoundByTheirOwners() async throws {
    let database = try await TestDatabase.make()
    try await database.sql(
      """
      SET search_path TO tollgate;
      INSERT INTO users (id, email) SELECT 'u' || n, 'name' || n || '@mail.example' FROM generate_series(1, 1100) AS n;
      INSERT INTO extension_tokens (id, user_id, token_hash, created_at)
      SELECT 'tok_' || n, 'u' || 1 + n % 1100, sha256(n::text::bytea), now() - n * interval '1 minute'
      FROM generate_series(1, 3300) AS n;
      """)
    func found(_ owner: String?, limit: Int) async throws -> [String] {
      var seen: [String] = []
      var request = PageRequest(limit: limit)
      repeat {
        let page = try await database.store.allTokens(owner: owner, request)
        seen += page.items.map(\.id)
        request.cursor = page.nextCursor
      } while request.cursor != nil
      return seen
    }
    #expect(try await found(nil, limit: 200) == (1...3300).map { "tok_\($0)" })
    #expect(try await found("name999@", limit: 1) == [998, 2098, 3198].map { "tok_\($0)" })
    #expect(try await found("NAME", limit: 200).count == 3300)
    #expect(try await found("u1100", limit: 2) == [1099, 2199, 3299].map { "tok_\($0)" })
    #expect(try await found("nobody", limit: 2).isEmpty)
  }

  /// A list's plan is made for what is asked, each time.
  @Test func listsAreNotPrepared() async throws {
    let database = try await TestDatabase.make(connections: 1)
    for _ in 0..<8 { _ = try await database.store.ledger(LedgerFilter(account: .user("u1")), PageRequest()) }
    for _ in 0..<8 { _ = try await database.store.audit(AuditFilter(), PageRequest()) }
    let kept = "SELECT count(*) AS n FROM pg_prepared_statements WHERE statement LIKE '%IS NULL OR%'"
    #expect(try await database.pool.query(kept).first?.int("n") == 0)
  }
}
