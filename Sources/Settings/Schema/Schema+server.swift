internal import Gate

extension Schema {
  /// How the process runs.
  static let serverKeys: [SettingKey] = httpKeys + storeKeys + reconcileKeys + edgeKeys

  private static let httpKeys: [SettingKey] = [
    SettingKey("server", .section, .absent("all defaults"), "Listeners and their limits."),
    SettingKey(
      "server.gate_listen", .texts(.listenAddress, count: 1...8), .value(.texts(["0.0.0.0:8080"])),
      source: .fileOrEnvironment("TOLLGATE_GATE_LISTEN"), "Where the gate answers."),
    SettingKey(
      "server.admin_listen", .texts(.listenAddress, count: 1...8), .value(.texts(["127.0.0.1:8081"])),
      source: .fileOrEnvironment("TOLLGATE_ADMIN_LISTEN"), "Where admin API and dashboard answer."),
    SettingKey(
      "server.event_loops", .integer(0...1024), .value(.integer(0)), "Event loops; 0: one per core."),
    SettingKey(
      "server.reuse_port", .boolean, .value(.boolean(false)),
      "Whether each event loop has a listening socket of its own (`SO_REUSEPORT`), among which the kernel spreads "
        + "connections. Several gates can then share a port."),
    SettingKey(
      "server.deadline_ms", .integer(1...60_000), .value(.integer(150)),
      "What a whole check may take; past it the configured fail mode answers."),
    SettingKey(
      "server.connections_max", .integer(1...1_000_000), .value(.integer(10_000)),
      "Open connections; one more is closed at once."),
    SettingKey(
      "server.requests_in_flight_max", .integer(1...1_000_000), .value(.integer(4096)),
      "Requests being worked on; past it 503 at once instead of a growing queue."),
    SettingKey(
      "server.body_bytes_max", .integer(1024...16_777_216), .value(.integer(65_536)),
      "Bytes of a request body."),
    SettingKey(
      "server.webhook_body_bytes_max", .integer(65_536...16_777_216), .value(.integer(1_048_576)),
      "Bytes of a webhook's body."),
    SettingKey(
      "server.header_bytes_max", .integer(1024...1_048_576), .value(.integer(16_384)),
      "Bytes of a request's head."),
    SettingKey(
      "server.headers_max", .integer(16...1000), .value(.integer(100)), "Header fields of a request."),
    SettingKey(
      "server.idle_s", .integer(1...3600), .value(.integer(75)),
      "Seconds a kept-alive connection may be silent."),
    SettingKey(
      "server.header_s", .integer(1...600), .value(.integer(10)),
      "Seconds a request's head may take to arrive."),
    SettingKey(
      "server.body_s", .integer(1...600), .value(.integer(30)), "Seconds a request's body may take."),
    SettingKey(
      "server.drain_s", .integer(0...600), .value(.integer(20)),
      "Seconds that connections have to finish after SIGTERM."),
    SettingKey(
      "server.user_page", .boolean, .value(.boolean(false)),
      "Whether the gate has a page at `/me` where users see their own budget."),
    SettingKey(
      "server.session_idle_s", .integer(60...86_400), .value(.integer(1800)),
      "Seconds without a request after which a session of the dashboard ends."),
    SettingKey(
      "server.session_s", .integer(60...2_592_000), .value(.integer(43_200)),
      "Seconds after which it ends in any case."),
    SettingKey(
      "server.docs_url", .text(.apiBase), .absent("the docs folder of the project's repository"),
      "The folder of problems.md, which the `type` of a problem points to."),
  ]

  private static let storeKeys: [SettingKey] = [
    SettingKey("redis", .section, .absent("all defaults"), "The running counters."),
    SettingKey(
      "redis.url", .text(.redisURL), .value(.text("redis://127.0.0.1:6379")),
      source: .fileOrEnvironment("TOLLGATE_REDIS_URL"), isSecret: true, "Where Redis is."),
    SettingKey(
      "redis.buckets", .integer(1...1024), .value(.integer(1)),
      "Usage streams that users are spread over; the same on every gate, and fixed once there is data."),
    SettingKey(
      "redis.connect_ms", .integer(10...60_000), .value(.integer(1000)), "What a connect may take."),
    SettingKey(
      "redis.ping_ms", .integer(50...60_000), .value(.integer(1000)),
      "A connection without an answer for so long is pinged."),
    SettingKey(
      "redis.breaker_failures", .integer(1...10_000), .value(.integer(64)),
      "Time-outs in a row that open the circuit breaker though late replies come in."),
    SettingKey(
      "redis.breaker_open_ms", .integer(10...60_000), .value(.integer(1000)),
      "How long an open breaker waits for Redis before it connects anew."),

    SettingKey("postgres", .section, .absent("all defaults"), "Accounts and books."),
    SettingKey(
      "postgres.url", .text(.postgresURL), .value(.text("postgres://tollgate@127.0.0.1:5432/tollgate")),
      source: .fileOrEnvironment("TOLLGATE_POSTGRES_URL"), isSecret: true, "Where Postgres is."),
    SettingKey(
      "postgres.schema", .text(.postgresSchema), .value(.text("tollgate")), "The schema of its tables."),
    SettingKey(
      "postgres.connections", .integer(2...256), .value(.integer(8)),
      "Connections, each with a thread of its own."),
    SettingKey(
      "postgres.connect_s", .integer(1...60), .value(.integer(5)), "What a connect may take."),
    SettingKey(
      "postgres.statement_ms", .integer(100...600_000), .value(.integer(10_000)),
      "What one statement may take."),

    SettingKey("ledger", .section, .absent("all defaults"), "How counters and changes reach the books."),
    SettingKey(
      "ledger.flush_entries_max", .integer(1...10_000), .value(.integer(500)),
      "Entries that one statement books."),
    SettingKey(
      "ledger.flush_ms", .integer(1...60_000), .value(.integer(100)),
      "How long an entry waits for others at most."),
    SettingKey(
      "ledger.outbox_poll_ms", .integer(10...60_000), .value(.integer(1000)),
      "How often changes are looked for without a notification."),
    SettingKey(
      "ledger.outbox_rows_max", .integer(1...10_000), .value(.integer(200)), "Changes read at a time."),
    SettingKey(
      "ledger.retention_months", .integer(1...1200), .absent("kept for ever"),
      "Whole months that the ledger keeps beside the current one; older ones are summed up and dropped."),
  ]

  private static let edgeKeys: [SettingKey] = [
    SettingKey("principals", .section, .absent("all defaults"), "The local cache of who is calling."),
    SettingKey(
      "principals.entries_max", .integer(100...10_000_000), .value(.integer(100_000)),
      "Tokens that it holds, about 1.2 kB each."),

    SettingKey("authz", .section, .absent("all defaults"), "The `/authz` paths."),
    SettingKey(
      "authz.accel_location", .text(.accelLocation), .value(.text("@backend")),
      "What `X-Accel-Redirect` names when a request is allowed."),

    SettingKey(
      "degraded", .section, .absent("all defaults"), "What `on_store_failure: allow` may give away."),
    SettingKey(
      "degraded.tokens_per_user", .integer(amount), .value(.integer(10_000)),
      "Tokens per user and gate that are allowed and not charged yet; past it 503."),
    SettingKey(
      "degraded.users_max", .integer(1...1_000_000), .value(.integer(10_000)),
      "Users that one gate keeps count of; one more is refused."),
    SettingKey(
      "degraded.wait_ms", .integer(1...60_000), .value(.integer(500)),
      "What a degraded answer may take beyond `deadline_ms`, to ask Postgres; not on `/authz`."),

    SettingKey("stripe", .section, .absent("all defaults"), "Stripe, beside its secrets."),
    SettingKey(
      "stripe.webhook_secrets", .texts(.webhookSecret, count: 1...8),
      .absent("every webhook is refused"), source: .environment("TOLLGATE_STRIPE_WEBHOOK_SECRETS"),
      isSecret: true, "Signing secrets of the endpoint; several while one is rolled."),
    SettingKey(
      "stripe.api_key", .text(.stripeKey), .absent("what needs Stripe answers 503"),
      source: .environment("TOLLGATE_STRIPE_API_KEY"), isSecret: true, "A secret or restricted key."),
    SettingKey(
      "stripe.api_base", .text(.apiBase), .value(.text("https://api.stripe.com")),
      source: .fileOrEnvironment("TOLLGATE_STRIPE_API_BASE"), "Where Stripe's API is."),
    SettingKey(
      "stripe.tolerance_s", .integer(1...86_400), .value(.integer(300)),
      "How old a webhook's signature may be."),
    SettingKey(
      "stripe.webhook_places", .integer(1...32), .value(.integer(2)),
      "Groups of webhooks that are worked on at once, each on a connection to Postgres; never more than half of "
        + "postgres.connections."),
    SettingKey(
      "stripe.webhook_group_max", .integer(1...256), .value(.integer(32)),
      "Webhooks of those that wait that one transaction does."),
    SettingKey(
      "stripe.webhook_rest_percent", .integer(0...1000), .value(.integer(0)),
      "How long a place rests after a group while others wait, in percent of the time that the group took: what "
        + "that leaves to the checks."),
    SettingKey(
      "stripe.timeout_ms", .integer(100...120_000), .value(.integer(10_000)),
      "What one call to Stripe may take."),
    SettingKey(
      "stripe.create_customers", .boolean, .value(.boolean(true)),
      "Whether each account gets a Stripe customer in the background; needs an API key."),
    SettingKey(
      "stripe.sync_hours", .integer(0...720), .value(.integer(6)),
      "How often one of the gates compares what is stored with Stripe; 0: never; needs an API key."),
    SettingKey(
      "stripe.events_days", .integer(30...3650), .value(.integer(30)),
      "Days that a processed or ignored event is kept; Stripe may send one again for 30."),
    SettingKey(
      "stripe.open_events_days", .integer(30...3650), .value(.integer(365)),
      "Days that an unmatched or failed event is kept."),

    SettingKey("log", .section, .absent("all defaults"), "The log, on standard error."),
    SettingKey(
      "log.level", .choice(LogSettings.Level.allCases.map(\.rawValue)), .value(.text("info")),
      source: .fileOrEnvironment("TOLLGATE_LOG_LEVEL"), "The least that is written."),
    SettingKey(
      "log.format", .choice(LogSettings.Format.allCases.map(\.rawValue)), .value(.text("json")),
      source: .fileOrEnvironment("TOLLGATE_LOG_FORMAT"), "One JSON object per line, or text for people."),

    SettingKey(
      "bootstrap.admin_key", .text(.ownKey(prefix: "tga_")), .absent("stored keys alone"),
      source: .environment("TOLLGATE_ADMIN_KEY"), isSecret: true,
      "An operator's key that is valid without being stored."),
    SettingKey(
      "bootstrap.service_key", .text(.ownKey(prefix: "tgs_")), .absent("stored keys alone"),
      source: .environment("TOLLGATE_SERVICE_KEY"), isSecret: true,
      "A service key that is valid without being stored."),
  ]
}
