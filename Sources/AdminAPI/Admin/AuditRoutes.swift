internal import Gate

/// The append-only log of who changed what.
enum AuditRoutes {
  static let all = [Route("GET", "/admin/v1/audit", .adminRead, handle: list)]

  private static func list(_ exchange: Exchange) async throws -> ControlResponse {
    var fields = try Fields(
      query: exchange.request, known: Fields.page.union(["actor", "action", "subject", "from", "to"]))
    let span = fields.span()
    let filter = AuditFilter(
      actor: fields.optional("actor", .text(bytesMax: 200)),
      action: fields.optional("action", .text(bytesMax: 200)),
      subject: fields.optional("subject", .text(bytesMax: 200)), from: span.from, to: span.to)
    let page = fields.page()
    try fields.check()
    return .json(.page(try await exchange.control.accounts.audit(filter, page), JSON.audit))
  }
}
