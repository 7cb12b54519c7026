import Gate
import PostgresStore
import TestServers
import Testing

@Suite(.timeLimit(.minutes(5))) struct ListenerTests {
  @Test func aDeletedTokenIsHeardOfWithinMilliseconds() async throws {
    let database = try await TestDatabase.make()
    let listener = PostgresListener(configuration: database.configuration, logger: TestDatabase.logger)
    var events = listener.events.makeAsyncIterator()
    #expect(await events.next() == .resync)
    _ = try await database.pool.query(
      "INSERT INTO extension_tokens (user_id, token_hash) SELECT 'u' || n, sha256(n::text::bytea) "
        + "FROM generate_series(1, 20) AS n")
    // One for each user: making it and its token are one change, of one transaction.
    for _ in 1...20 {
      let event = await events.next()
      #expect(event != .resync && event != nil)
    }
    let clock = ContinuousClock()
    var worst = Duration.zero
    for number in 1...20 {
      _ = try await database.pool.query(
        "DELETE FROM extension_tokens WHERE user_id = $1", [.text("u\(number)")])
      let committed = clock.now
      #expect(await events.next()?.names("user:u\(number)") == true)
      worst = max(worst, clock.now - committed)
    }
    print("from the DELETE's answer to the listener's event: at most \(worst)")
    #expect(worst < .milliseconds(500))
    #expect(listener.isListening)
    listener.close()
  }

  @Test func aCutConnectionIsMadeAgainAndSaysSo() async throws {
    let database = try await TestDatabase.make()
    let listener = PostgresListener(configuration: database.configuration, logger: TestDatabase.logger)
    var events = listener.events.makeAsyncIterator()
    #expect(await events.next() == .resync)
    try await database.sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' "
        + "AND datname = current_database()")
    #expect(await events.next() == .resync)
    try await database.sql("INSERT INTO tollgate.users (id) VALUES ('u1')")
    let version = try #require(await database.version(user: "u1"))
    #expect(await events.next() == .payload("user:u1:\(version)"))
    listener.close()
  }

  @Test func aPoolerIsPolled() async throws {
    let database = try await TestDatabase.make()
    var configuration = database.configuration
    configuration.route = .transaction
    let listener = PostgresListener(
      configuration: configuration, pollMilliseconds: 10, logger: TestDatabase.logger)
    var events = listener.events.makeAsyncIterator()
    for _ in 0..<3 { #expect(await events.next() == .resync) }
    #expect(!listener.isListening)
    // The pool sets its search path in every transaction, and leaves nothing behind in the session.
    let pool = PostgresPool(configuration: configuration, logger: TestDatabase.logger)
    #expect(try await pool.query("SELECT epoch FROM counter_epoch").count == 1)
    await #expect(throws: StoreError.self) { try await pool.query("SELECT 1 / 0") }
    #expect(try await PostgresStore(pool: pool).putUser("u1", UserChange(), actor: "cli").id == "u1")
    #expect(try await pool.route() == .transaction)
    await pool.close()
  }
}

extension PostgresListener.Event {
  /// It is a notification of this account, at whatever version.
  func names(_ account: String) -> Bool {
    if case .payload(let text) = self { text.hasPrefix("\(account):") } else { false }
  }
}
