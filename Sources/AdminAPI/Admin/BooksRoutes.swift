internal import Gate

/// What an account used: as a series, and entry by entry.
enum BooksRoutes {
  static let all = ofAccounts + [Route("GET", "/admin/v1/shadowed", .adminRead, handle: shadowed)]

  private static let ofAccounts = AccountID.Kind.allCases.flatMap { kind in
    [
      Route("GET", "/admin/v1/\(kind.rawValue)s/{id}/usage", .adminRead) { try await usage($0, kind) },
      Route("GET", "/admin/v1/\(kind.rawValue)s/{id}/ledger", .adminRead) { try await ledger($0, kind) },
    ]
  }

  /// How far a series goes back unless asked, and how far it may: a bound on the points of one answer.
  private static func seconds(_ interval: UsageFilter.Interval) -> (usual: Int64, max: Int64) {
    switch interval {
    case .hour: (86_400, 86_400 * 31)
    case .day: (86_400 * 30, 86_400 * 731)
    case .month: (86_400 * 366, 86_400 * 366 * 20)
    }
  }

  private static func usage(_ exchange: Exchange, _ kind: AccountID.Kind) async throws -> ControlResponse {
    var fields = try Fields(query: exchange.request, known: series.union(["group_by"]))
    let (from, to, interval) = series(&fields, now: exchange.control.now())
    let byFeature = fields.optional("group_by", .choice(["feature"])) != nil
    try fields.check()
    let account = try await exchange.knownAccount(kind)
    let filter = UsageFilter(account: account, from: from, to: to, interval: interval, byFeature: byFeature)
    let points = try await exchange.control.accounts.usage(filter)
    return .json([
      "from": .time(from), "to": .time(to), "interval": .string(interval.rawValue),
      "items": .array(points.map(JSON.point)),
      "tokens": .integer(points.reduce(0) { $0 + $1.tokens }),
    ])
  }

  private static let series: Set<String> = ["from", "to", "interval"]

  /// The span of a series, bounded by its interval.
  private static func series(
    _ fields: inout Fields, now: Instant
  ) -> (from: Instant, to: Instant, interval: UsageFilter.Interval) {
    let span = fields.span()
    let names = UsageFilter.Interval.allCases.map(\.rawValue)
    let interval = fields.optional("interval", .choice(names)).flatMap(UsageFilter.Interval.init) ?? .day
    let (usual, max) = seconds(interval)
    // `to` is exclusive: one second on, so that what was used just now is in it.
    let to = span.to ?? now.advanced(seconds: 1)
    let from = span.from ?? to.advanced(seconds: -usual)
    if from >= to, span.to == nil { fields.refuse("from", "must be in the past") }
    if to.seconds - from.seconds > max {
      fields.refuse("from", "is more than \(max / 86_400) days before to, the most for this interval")
    }
    return (from, to, interval)
  }

  /// What limits in shadow mode would have refused, of all users.
  private static func shadowed(_ exchange: Exchange) async throws -> ControlResponse {
    var fields = try Fields(query: exchange.request, known: series.union(["feature"]))
    let (from, to, interval) = series(&fields, now: exchange.control.now())
    let feature = fields.optional("feature", .identifier)
    try fields.check()
    let points = try await exchange.control.accounts.shadowedUse(
      ShadowFilter(from: from, to: to, interval: interval, feature: feature))
    return .json([
      "from": .time(from), "to": .time(to), "interval": .string(interval.rawValue),
      "items": .array(points.map(JSON.shadowed)),
    ])
  }

  private static func ledger(_ exchange: Exchange, _ kind: AccountID.Kind) async throws -> ControlResponse {
    var fields = try Fields(query: exchange.request, known: Fields.page.union(["from", "to"]))
    let span = fields.span()
    let isOnePage = fields.optional("limit", .integer(1...200)) != nil
    let page = fields.page()
    try fields.check()
    let account = try await exchange.knownAccount(kind)
    let filter = LedgerFilter(account: account, from: span.from, to: span.to)
    guard wantsCSV(exchange.request) else {
      return .json(.page(try await exchange.control.accounts.ledger(filter, page), JSON.line))
    }
    return try await csv(filter, page, isOnePage: isOnePage, exchange.control.accounts)
  }

  /// Without a `limit` everything is streamed; with one, one page, and the next cursor in a header.
  private static func csv(
    _ filter: LedgerFilter, _ page: PageRequest, isOnePage: Bool, _ accounts: any AccountStore
  ) async throws -> ControlResponse {
    let limit = isOnePage ? page.limit : Limits.pageItems.upperBound
    let first = try await accounts.ledger(filter, PageRequest(limit: limit, cursor: page.cursor))
    let bytes = CSV.header + CSV.lines(first.items)
    var headers = [(name: "Content-Type", value: "text/csv; charset=utf-8; header=present")]
    if isOnePage {
      if let cursor = first.nextCursor { headers.append((name: "Tollgate-Next-Cursor", value: cursor)) }
      return ControlResponse(status: 200, headers: headers, body: .bytes(bytes))
    }
    let pages = PagedBody(first: bytes, cursor: first.nextCursor) { cursor in
      let page = try await accounts.ledger(filter, PageRequest(limit: limit, cursor: cursor))
      return (CSV.lines(page.items), page.nextCursor)
    }
    return ControlResponse(status: 200, headers: headers, body: .pages(pages))
  }

  private static func wantsCSV(_ request: ControlRequest) -> Bool {
    let types = request.values(of: "Accept").joined(separator: ",").split(separator: ",")
    return types.contains { type in
      let essence = type.split(separator: ";").first.map { $0.filter { $0 != " " }.lowercased() }
      return essence == "text/csv"
    }
  }
}
