/// Makes the server's settings of values that the schema has found good.
enum ServerBuilder {
  static func build(_ values: inout SettingValues) -> ServerSettings {
    let listeners = http(values)
    distinct(listeners, &values)
    let bootstrap = BootstrapSettings(
      adminKey: values.text("bootstrap.admin_key").map { Secret($0) },
      serviceKey: values.text("bootstrap.service_key").map { Secret($0) })
    for (name, key) in [
      ("TOLLGATE_ADMIN_KEY", bootstrap.adminKey), ("TOLLGATE_SERVICE_KEY", bootstrap.serviceKey),
    ]
    where (key?.revealed.utf8.count ?? .max) < 28 {
      values.warnings.append("\(name) has fewer than 24 characters after its prefix and can be guessed")
    }
    return ServerSettings(
      http: listeners, redis: redis(values), postgres: postgres(values), ledger: ledger(values),
      reconcile: ReconcileSettings(
        accountsPerMinute: number("reconcile.accounts_per_minute", values),
        mends: values.boolean("reconcile.mend")),
      principals: PrincipalCacheSettings(
        entriesMax: Int(number("principals.entries_max", values))),
      authz: AuthzSettings(accelLocation: text("authz.accel_location", values)),
      degraded: DegradedSettings(
        tokensPerUser: number("degraded.tokens_per_user", values),
        usersMax: Int(number("degraded.users_max", values)),
        waitMilliseconds: number("degraded.wait_ms", values)),
      stripe: stripe(values), events: EventBuilder.build(&values),
      log: LogSettings(
        level: values.word("log.level", else: .info), format: values.word("log.format", else: .json)),
      bootstrap: bootstrap)
  }

  private static func http(_ values: SettingValues) -> HTTPSettings {
    HTTPSettings(
      gateListeners: values.texts("server.gate_listen").compactMap { ListenAddress($0) },
      adminListeners: values.texts("server.admin_listen").compactMap { ListenAddress($0) },
      eventLoops: Int(number("server.event_loops", values)),
      reusesPort: values.boolean("server.reuse_port"),
      deadlineMilliseconds: number("server.deadline_ms", values),
      connectionsMax: Int(number("server.connections_max", values)),
      requestsInFlightMax: Int(number("server.requests_in_flight_max", values)),
      bodyBytesMax: Int(number("server.body_bytes_max", values)),
      webhookBodyBytesMax: Int(number("server.webhook_body_bytes_max", values)),
      headerBytesMax: Int(number("server.header_bytes_max", values)),
      headersMax: Int(number("server.headers_max", values)),
      idleSeconds: number("server.idle_s", values), headerSeconds: number("server.header_s", values),
      bodySeconds: number("server.body_s", values), drainSeconds: number("server.drain_s", values),
      servesUserPage: values.boolean("server.user_page"),
      sessionIdleSeconds: number("server.session_idle_s", values),
      sessionSeconds: number("server.session_s", values),
      docsURL: values.text("server.docs_url").map { withoutSlash($0) })
  }

  private static func redis(_ values: SettingValues) -> RedisSettings {
    RedisSettings(
      url: Secret(text("redis.url", values)),
      buckets: Int(number("redis.buckets", values)),
      connectMilliseconds: number("redis.connect_ms", values),
      pingMilliseconds: number("redis.ping_ms", values),
      breakerFailures: Int(number("redis.breaker_failures", values)),
      breakerOpenMilliseconds: number("redis.breaker_open_ms", values))
  }

  private static func postgres(_ values: SettingValues) -> PostgresSettings {
    PostgresSettings(
      url: Secret(text("postgres.url", values)), schema: text("postgres.schema", values),
      connections: Int(number("postgres.connections", values)),
      connectSeconds: number("postgres.connect_s", values),
      statementMilliseconds: number("postgres.statement_ms", values))
  }

  private static func ledger(_ values: SettingValues) -> LedgerSettings {
    LedgerSettings(
      flushEntriesMax: Int(number("ledger.flush_entries_max", values)),
      flushMilliseconds: number("ledger.flush_ms", values),
      outboxPollMilliseconds: number("ledger.outbox_poll_ms", values),
      outboxRowsMax: Int(number("ledger.outbox_rows_max", values)),
      retentionMonths: values.integer("ledger.retention_months"))
  }

  private static func stripe(_ values: SettingValues) -> StripeSettings {
    StripeSettings(
      webhookSecrets: values.texts("stripe.webhook_secrets").map { Secret($0) },
      apiKey: values.text("stripe.api_key").map { Secret($0) },
      apiBase: withoutSlash(text("stripe.api_base", values)),
      toleranceSeconds: number("stripe.tolerance_s", values),
      webhookPlaces: Int(number("stripe.webhook_places", values)),
      webhookGroupMax: Int(number("stripe.webhook_group_max", values)),
      webhookRestPercent: Int(number("stripe.webhook_rest_percent", values)),
      timeoutMilliseconds: number("stripe.timeout_ms", values),
      createsCustomers: values.boolean("stripe.create_customers"),
      syncHours: number("stripe.sync_hours", values), eventsDays: number("stripe.events_days", values),
      openEventsDays: number("stripe.open_events_days", values))
  }

  /// The same address twice can't be bound, and would serve admin to the gate's callers. Port 0 is a
  /// new port each time.
  private static func distinct(_ http: HTTPSettings, _ values: inout SettingValues) {
    let gate = Set(http.gateListeners)
    for address in http.adminListeners where gate.contains(address) {
      if case .tcp(_, port: 0) = address { continue }
      values.mistake(
        ["server", "admin_listen"], "`\(address)` is the gate's already; admin never answers there")
    }
  }

  /// These keys have defaults in the schema; a test reads every one of them.
  private static func number(_ key: String, _ values: SettingValues) -> Int64 {
    guard let number = values.integer(key) else { preconditionFailure("no default: \(key)") }
    return number
  }

  private static func text(_ key: String, _ values: SettingValues) -> String {
    guard let text = values.text(key) else { preconditionFailure("no default: \(key)") }
    return text
  }

  private static func withoutSlash(_ text: String) -> String {
    var text = text
    while text.hasSuffix("/") { text.removeLast() }
    return text
  }
}
