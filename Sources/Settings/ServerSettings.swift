/// How this process runs: each part is one section of the config file.
package struct ServerSettings: Sendable, Equatable {
  /// The section `server`.
  package var http: HTTPSettings
  /// The section `redis`.
  package var redis: RedisSettings
  /// The section `postgres`.
  package var postgres: PostgresSettings
  /// The section `ledger`.
  package var ledger: LedgerSettings
  /// The section `reconcile`.
  package var reconcile: ReconcileSettings
  /// The section `principals`.
  package var principals: PrincipalCacheSettings
  /// The section `authz`.
  package var authz: AuthzSettings
  /// The section `degraded`.
  package var degraded: DegradedSettings
  /// The section `stripe`.
  package var stripe: StripeSettings
  /// The section `events`.
  package var events: EventSettings
  /// The section `log`.
  package var log: LogSettings
  /// Keys from the environment.
  package var bootstrap: BootstrapSettings
}

/// The section `server`: listeners and their limits.
package struct HTTPSettings: Sendable, Equatable {
  /// 1 to 8 addresses that serve the gate.
  package var gateListeners: [ListenAddress]
  /// 1 to 8 addresses that serve the admin API and the dashboard.
  package var adminListeners: [ListenAddress]
  /// Event loops, 0 to 1,024; 0: one per core.
  package var eventLoops: Int
  /// A listening socket per event loop, on a port that other processes may share.
  package var reusesPort: Bool
  /// What a whole check may take, 1 to 60,000 ms.
  package var deadlineMilliseconds: Int64
  /// Open connections, 1 to 1,000,000; one more is closed at once.
  package var connectionsMax: Int
  /// Requests being worked on, 1 to 1,000,000; past it 503 at once.
  package var requestsInFlightMax: Int
  /// Bytes of a request body, 1,024 to 16,777,216.
  package var bodyBytesMax: Int
  /// Bytes of a webhook's body, 65,536 to 16,777,216.
  package var webhookBodyBytesMax: Int
  /// Bytes of a request's head, 1,024 to 1,048,576.
  package var headerBytesMax: Int
  /// Header fields of a request, 16 to 1,000.
  package var headersMax: Int
  /// Seconds a kept-alive connection may be silent between requests, 1 to 3,600.
  package var idleSeconds: Int64
  /// Seconds a request's head may take to arrive, 1 to 600.
  package var headerSeconds: Int64
  /// Seconds a request's body may take, 1 to 600.
  package var bodySeconds: Int64
  /// Seconds that connections have to finish after SIGTERM, 0 to 600.
  package var drainSeconds: Int64
  /// Whether the gate's listeners have a page for end users at `/me`.
  package var servesUserPage: Bool
  /// Seconds without a request after which a session of the dashboard ends, 60 to 86,400.
  package var sessionIdleSeconds: Int64
  /// Seconds after which it ends in any case, 60 to 2,592,000.
  package var sessionSeconds: Int64
  /// What a problem's `type` starts with, without a slash at the end; nil: `/docs/errors` of the server.
  package var docsURL: String?
}

/// The section `redis`.
package struct RedisSettings: Sendable, Equatable {
  /// As the Redis client reads it: `redis://`, `rediss://`, `redis+unix://`, `redis+cluster://`.
  package var url: Secret
  /// Usage streams that the shards are spread over, 1 to 1,024; the same on every gate.
  package var buckets: Int
  /// What a connect may take, 10 to 60,000.
  package var connectMilliseconds: Int64
  /// A connection that has nothing to do is pinged so often, 50 to 60,000.
  package var pingMilliseconds: Int64
  /// Time-outs in a row that open the circuit breaker, 1 to 10,000.
  package var breakerFailures: Int
  /// How long it stays open before one request tries again, 10 to 60,000.
  package var breakerOpenMilliseconds: Int64
}

/// The section `postgres`.
package struct PostgresSettings: Sendable, Equatable {
  /// As libpq reads it: `postgres://user:password@host:port/database?…`.
  package var url: Secret
  /// The schema of the tables: lower-case, at most 63 bytes, safe to stand in SQL as it is.
  package var schema: String
  /// Connections, each with its own thread, 2 to 256.
  package var connections: Int
  /// What a connect may take, 1 to 60.
  package var connectSeconds: Int64
  /// What one statement may take, 100 to 600,000.
  package var statementMilliseconds: Int64
}

/// The section `ledger`: how the counters reach the books.
package struct LedgerSettings: Sendable, Equatable {
  /// Entries that one statement books, 1 to 10,000.
  package var flushEntriesMax: Int
  /// How long an entry waits for others at most, 1 to 60,000.
  package var flushMilliseconds: Int64
  /// The outbox is also read without a notification so often, 10 to 60,000.
  package var outboxPollMilliseconds: Int64
  /// Rows of the outbox read at a time, 1 to 10,000.
  package var outboxRowsMax: Int
  /// Whole months that are kept beside the current one, 1 to 1,200; nil: for ever. What was booked in a month
  /// that goes is then at least a month old: past every hold (a day), late settle and idempotency key (a day
  /// each).
  package var retentionMonths: Int64?
}

/// The section `reconcile`: the standing comparison of Redis with the books.
package struct ReconcileSettings: Sendable, Equatable {
  /// Accounts in use that one of the gates compares, 0 to 60,000; 0: none.
  package var accountsPerMinute: Int64
  /// Whether it also makes right what differs.
  package var mends: Bool
}

/// The section `principals`: the local cache of who is calling.
package struct PrincipalCacheSettings: Sendable, Equatable {
  /// Tokens that it holds, 100 to 10,000,000.
  package var entriesMax: Int
}

/// The section `authz`.
package struct AuthzSettings: Sendable, Equatable {
  /// What `X-Accel-Redirect` names when a request is allowed.
  package var accelLocation: String
}

/// The section `degraded`: what `on_store_failure: allow` may give away.
package struct DegradedSettings: Sendable, Equatable {
  /// Tokens per user and gate during one failure of the store, 0 to 10¹⁵−1.
  package var tokensPerUser: Int64
  /// Users that one gate keeps such an account for, 1 to 1,000,000; one more is denied.
  package var usersMax: Int
  /// What a degraded answer may take beyond the deadline, 1 to 60,000.
  package var waitMilliseconds: Int64
}

/// The section `stripe`; both secrets come from the environment alone.
package struct StripeSettings: Sendable, Equatable {
  /// At most 8; a delivery that any of them signed is genuine. Empty: every webhook is refused.
  package var webhookSecrets: [Secret]
  /// nil: what needs Stripe answers 503.
  package var apiKey: Secret?
  /// Without a slash at the end.
  package var apiBase: String
  /// Age of a signature that is still taken, 1 to 86,400.
  package var toleranceSeconds: Int64
  /// Groups of webhooks that are worked on at once, 1 to 32.
  package var webhookPlaces: Int
  /// Webhooks of a group, 1 to 256.
  package var webhookGroupMax: Int
  /// What a place rests after a group while others wait, in percent of the group's time, 0 to 1,000.
  package var webhookRestPercent: Int
  /// What one call to Stripe may take, 100 to 120,000.
  package var timeoutMilliseconds: Int64
  /// A customer is made for each account that has none.
  package var createsCustomers: Bool
  /// Hours between two comparisons with Stripe, 0 to 720; 0: none by itself.
  package var syncHours: Int64
  /// Days that a processed or ignored event is kept, 30 to 3,650.
  package var eventsDays: Int64
  /// Days that an unmatched or failed event is kept, 30 to 3,650.
  package var openEventsDays: Int64
}

/// The section `log`.
package struct LogSettings: Sendable, Equatable {
  /// One JSON object per line, or text for people.
  package enum Format: String, Sendable, CaseIterable { case json, text }
  /// swift-log's own words.
  package enum Level: String, Sendable, CaseIterable {
    case trace, debug, info, notice, warning, error, critical
  }
  /// The least that is written.
  package var level: Level
  /// How a line looks.
  package var format: Format

  /// Both as the config has them.
  package init(level: Level, format: Format) {
    self.level = level
    self.format = format
  }
}

/// Keys that are valid without being stored; from the environment alone.
package struct BootstrapSettings: Sendable, Equatable {
  /// An operator's key, `tga_…`.
  package var adminKey: Secret?
  /// A service key, `tgs_…`.
  package var serviceKey: Secret?
}
