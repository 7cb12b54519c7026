import Gate

/// A batch of entries as the booking statement takes it: one JSON array, whose short keys are the columns of
/// the `input` part of ``BookingSQL``.
enum BookingBatch {
  static func json(_ entries: [LedgerEntry]) -> String {
    var json = JSONText()
    json.raw("[")
    for (index, entry) in entries.enumerated() {
      if index > 0 { json.raw(",") }
      json.raw("{")
      write(entry, &json)
      json.closeObject()
    }
    json.raw("]")
    return json.text
  }

  private static func write(_ entry: LedgerEntry, _ json: inout JSONText) {
    json.field("ms", entry.id.milliseconds)
    json.field("seq", entry.id.sequence)
    json.field("side", entry.side.rawValue)
    json.field("kind", entry.kind.rawValue)
    json.field("op", entry.operation)
    json.field("u", entry.user.isEmpty ? nil : entry.user)
    json.field("t", entry.tenant)
    json.field("f", entry.feature)
    json.field("n", entry.tokens)
    write(entry.userAllocations, "ug", "ua", &json)
    json.field("ud", entry.userDebt)
    write(entry.tenantAllocations, "tg", "ta", &json)
    json.field("td", entry.tenantDebt)
    json.field("sh", entry.shadowed.rawValue)
    json.field("oc", entry.occurredAt?.milliseconds)
    json.field("o", entry.outcome)
    json.field("m", entry.metadata)
    if let hold = entry.hold { write(hold, &json) }
    if let grant = entry.grant { write(grant, &json) }
    if let crossing = entry.crossing { write(crossing, &json) }
  }

  private static func write(_ hold: HoldRecord, _ json: inout JSONText) {
    json.field("h", hold.id)
    json.field("hu", hold.user)
    json.field("ht", hold.tenant)
    json.field("hf", hold.feature)
    json.field("hn", hold.tokens)
    json.field("hx", hold.expiresAt.milliseconds)
    json.field("hc", hold.createdAt.milliseconds)
    json.field("he", hold.onExpire.rawValue)
    json.field("hs", hold.state.rawValue)
    json.field("hup", hold.userPeriodStart?.milliseconds)
    json.field("htp", hold.tenantPeriodStart?.milliseconds)
    json.field("hr", hold.reported)
    json.field("hfs", hold.takesFeatureSlot)
    json.field("hfe", hold.feedsEstimate)
    write(hold.userAllocations, "hug", "hua", &json)
    write(hold.tenantAllocations, "htg", "hta", &json)
  }

  private static func write(_ grant: Grant, _ json: inout JSONText) {
    json.field("gs", grant.reference.series.rawValue)
    json.field("gn", grant.reference.number)
    json.field("gk", grant.kind.rawValue)
    json.field("gt", grant.tokens)
    json.field("gps", grant.periodStart?.milliseconds)
    json.field("gpe", grant.periodEnd?.milliseconds)
    json.field("gx", grant.expiresAt?.milliseconds)
    json.field("gp", grant.priority)
    json.field("gsrc", grant.source)
    json.field("gref", grant.sourceReference)
    json.field("gc", grant.createdAt.milliseconds)
  }

  private static func write(
    _ allocations: [Allocation], _ grants: StaticString, _ amounts: StaticString, _ json: inout JSONText
  ) {
    json.array(grants, allocations) { $0.string($1.grant.bookedName) }
    json.array(amounts, allocations) { $0.number($1.tokens) }
  }
}
