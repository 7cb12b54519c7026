import Gate
import PostgresStore
import TestServers
import Testing

@Suite struct PoolTests {
  @Test func valuesGoAndComeBack() async throws {
    let database = try await TestDatabase.make()
    let rows = try await database.pool.query(
      """
      SELECT $1::text AS a, $2::bigint + 1 AS b, $3::bytea AS c, $4::timestamptz AS d, $5::text[] AS e,
        $6::boolean AS f, $7::bytea[] AS g, $8::bigint[] AS h, $9::jsonb ->> 'k' AS i, $10::text AS j,
        'infinity'::timestamptz AS k, '{}'::text[] AS l, $11::float8 AS m
      """,
      [
        .text("a'b\\"), .int(41), .bytes([0, 1, 255]), .instant(Instant(milliseconds: 1_764_547_200_123)),
        .textArray(["x", nil, "\"{,}\\", "NULL", ""]), .bool(true), .bytesArray([[0, 92, 34]]),
        .intArray([1, nil, -3]), .json(#"{"k":"é"}"#), .null, .double(0.1),
      ])
    let row = try #require(rows.first)
    #expect(row.string("a") == "a'b\\")
    #expect(row.int("b") == 42)
    #expect(row.bytes("c") == [0, 1, 255])
    #expect(row.instant("d") == Instant(milliseconds: 1_764_547_200_123))
    #expect(row.textArray("e") == ["x", nil, "\"{,}\\", "NULL", ""])
    #expect(row.bool("f") == true)
    #expect(row.textArray("g") == ["\\x005c22"])
    #expect(row.intArray("h") == [1, nil, -3])
    #expect(row.string("i") == "é")
    #expect(row.string("j") == nil)
    #expect(row.instant("k") == nil)
    #expect(row.textArray("l") == [])
    #expect(row.double("m") == 0.1)
  }

  @Test func aZeroByteIsRefusedAndNotCut() async throws {
    let database = try await TestDatabase.make()
    await #expect(throws: StoreError.self) {
      try await database.pool.query("SELECT $1::text", [.text("a\0b")])
    }
    #expect(try await database.pool.query("SELECT 1").count == 1)
  }

  @Test func transactionsCommitRollBackAndRetry() async throws {
    let database = try await TestDatabase.make()
    let pool = database.pool
    _ = try await pool.query("CREATE TABLE counts (n bigint)")
    _ = try await pool.query("INSERT INTO counts VALUES (0)")
    await #expect(throws: StoreError.notFound("x")) {
      try await pool.transaction { (transaction) async throws(StoreError) -> Void in
        _ = try await transaction.query("UPDATE counts SET n = 100")
        throw .notFound("x")
      }
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          try await pool.transaction { (transaction) async throws(StoreError) -> Void in
            _ = try await transaction.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            _ = try await transaction.query("SELECT n FROM counts")
            _ = try await transaction.query("UPDATE counts SET n = n + 1")
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try await pool.query("SELECT n FROM counts").int(0, 0) == 4)
  }

  @Test func anErrorThatTheBodyLetPassIsNoSuccess() async throws {
    let database = try await TestDatabase.make()
    await #expect(throws: StoreError.self) {
      try await database.pool.transaction { (transaction) async throws(StoreError) -> Void in
        _ = try await transaction.query("INSERT INTO users (id) VALUES ('u1')")
        do { _ = try await transaction.query("SELECT 1 / 0") } catch {}
      }
    }
    #expect(try await database.store.user("u1") == nil)
    #expect(try await database.pool.query("SELECT 1").count == 1)
  }

  @Test func aPoolerIsToldByTheProcessesItGives() {
    // In transaction mode: the second client was given the first one's, or the first was moved.
    #expect(Pooler.route(before: 7, other: 7, after: 8) == .transaction)
    #expect(Pooler.route(before: 7, other: 8, after: 9) == .transaction)
    #expect(Pooler.route(before: 7, other: 8, after: 7) == .session)
  }

  @Test func aTerminatedConnectionIsReplaced() async throws {
    let database = try await TestDatabase.make(connections: 2)
    let pid = try #require(await database.pool.query("SELECT pg_backend_pid()").int(0, 0))
    try await database.sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tollgate' "
        + "AND datname = current_database()")
    try await Task.sleep(for: .milliseconds(50))
    for _ in 0..<4 {
      let next = try #require(await database.pool.query("SELECT pg_backend_pid()").int(0, 0))
      #expect(next != pid)
    }
  }

  @Test func theQueueIsBounded() async throws {
    let server = try await PostgresServer.shared()
    let pool = PostgresPool(
      configuration: PostgresConfiguration(
        url: try await server.makeDatabase(), connections: 1, queuedJobsMax: 2, queueTimeoutMilliseconds: 100),
      logger: TestDatabase.logger)
    let outcomes = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<6 {
        group.addTask {
          do { return try await pool.query("SELECT pg_sleep(0.3)").count == 1 } catch { return false }
        }
      }
      return await group.reduce(into: [Bool]()) { $0.append($1) }
    }
    // One is served; two wait in vain; the others are refused at once.
    #expect(outcomes.filter { $0 }.count == 1)
    await pool.close()
    await #expect(throws: StoreError.unavailable("the pool is closed")) { try await pool.query("SELECT 1") }
  }

  @Test func aStatementEndsAtItsTimeout() async throws {
    let server = try await PostgresServer.shared()
    let pool = PostgresPool(
      configuration: PostgresConfiguration(
        url: try await server.makeDatabase(), connections: 1, statementTimeoutMilliseconds: 100),
      logger: TestDatabase.logger)
    await #expect(throws: StoreError.self) { try await pool.query("SELECT pg_sleep(10)") }
    #expect(try await pool.query("SELECT 1").count == 1)
    #expect(try await pool.route() == .session)
  }

  @Test func theServerMayGoAndComeBack() async throws {
    let server = try await PostgresServer.start()
    let database = try await TestDatabase.make(connections: 2, server: server)
    _ = try await database.store.putUser("u1", UserChange(), actor: "cli")
    let listener = PostgresListener(configuration: database.configuration, logger: TestDatabase.logger)
    var events = listener.events.makeAsyncIterator()
    #expect(await events.next() == .resync)

    try await server.kill9()
    // A session's own process outlives the server's by a moment, and may still answer.
    for _ in 0..<200 where (try? await database.pool.query("SELECT 1")) != nil {
      try await Task.sleep(for: .milliseconds(10))
    }
    let clock = ContinuousClock()
    let refused = await clock.measure {
      await #expect(throws: StoreError.self) { try await database.pool.query("SELECT 1") }
    }
    #expect(refused < .seconds(2))
    try await server.restart()
    var isBack = false
    for _ in 0..<100 where !isBack {
      do { isBack = try await database.store.user("u1") != nil } catch {}
      try await Task.sleep(for: .milliseconds(50))
    }
    try #require(isBack)
    // The listener tells to read the outbox again, and hears what comes.
    #expect(await events.next() == .resync)
    try await server.psql("UPDATE tollgate.users SET plan = 'pro'", url: database.configuration.url)
    #expect(await events.next()?.names("user:u1") == true)
    listener.close()
    #expect(await events.next() == nil)

    // A server that answers nothing holds nobody for long.
    await database.pool.close()
    try await server.stop()
  }

  @Test func thePasswordIsInNoError() async throws {
    for url in ["postgres://me:secret@127.0.0.1:1/x", "postgres//me:secret@h", "host=h password=secret bad"] {
      let pool = PostgresPool(
        configuration: PostgresConfiguration(url: url, connections: 1), logger: TestDatabase.logger)
      do {
        _ = try await pool.query("SELECT 1")
        Issue.record("it answered")
      } catch {
        #expect(!"\(error)".contains("secret"), "\(error)")
      }
    }
  }

  /// What is asked again is prepared; a table that changes under it is no error, alone or in a transaction.
  @Test func statementsArePreparedAndSurviveAChangeOfTheirTable() async throws {
    let database = try await TestDatabase.make(connections: 1)
    _ = try await database.pool.query("CREATE TABLE changing (a bigint)")
    _ = try await database.pool.query("INSERT INTO changing VALUES (1)")
    let asked = "SELECT * FROM changing WHERE a = $1"
    for _ in 0..<3 { #expect(try await database.pool.query(asked, [.int(1)]).count == 1) }
    let held =
      "SELECT count(*) AS n FROM pg_prepared_statements WHERE statement LIKE 'SELECT * FROM changing%'"
    #expect(try await database.pool.query(held).first?.int("n") == 1)
    // Another type of the same parameter is another statement.
    for _ in 0..<3 { #expect(try await database.pool.query(asked, [.text("1")]).count == 1) }
    _ = try await database.pool.query("ALTER TABLE changing ADD COLUMN b text DEFAULT 'x'")
    let row = try await database.pool.query(asked, [.int(1)])
    #expect(row.first?.string("b") == "x")
    _ = try await database.pool.query("ALTER TABLE changing ADD COLUMN c text DEFAULT 'y'")
    let inside = try await database.pool.transaction { (transaction) async throws(StoreError) in
      try await transaction.query(asked, [.int(1)]).first?.string("c")
    }
    #expect(inside == "y")
    _ = try await database.pool.query("DEALLOCATE ALL")
    #expect(try await database.pool.query(asked, [.int(1)]).count == 1)
  }
}
