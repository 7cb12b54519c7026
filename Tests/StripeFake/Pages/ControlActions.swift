/// What whoever runs the fake can do to it: by the buttons of the control page, or as `POST /control/v1/…`
/// with the API key.
enum ControlActions {
  /// nil when there is no such action.
  static func perform(
    _ action: String, _ form: inout Parameters, _ sandbox: inout StripeSandbox
  ) throws(StripeFault) -> JSON? {
    switch action {
    case "advance":
      let span = (
        months: try form.int("months") ?? 0, days: try form.int("days") ?? 0,
        seconds: (try form.int("hours") ?? 0) * 3600 + (try form.int("seconds") ?? 0)
      )
      guard (0...120).contains(span.months), (0...3660).contains(span.days),
        (0...316_224_000).contains(span.seconds)
      else { throw StripeFault("At most ten years forward.") }
      let months = BillingCalendar.advance(sandbox.account.now, by: span.months, .month)
      sandbox.account.advance(to: months + span.days * BillingCalendar.day + span.seconds)
      return ["now": .int(sandbox.account.now)]
    case "complete":
      try complete(&form, &sandbox.account)
      return ["done": true]
    case "fail":
      let count = try form.int("count") ?? 100
      guard (1...1000).contains(count) else { throw StripeFault("1 to 1000 payments.", param: "count") }
      try sandbox.account.failNextPayments(try form.required("customer"), count: Int(count))
      return ["done": true]
    case "recover":
      try sandbox.account.recover(try form.required("customer"))
      return ["done": true]
    case "portal":
      let id = try sandbox.account.openPortal(try form.required("customer"), returnURL: nil)
      return ["url": .text(sandbox.account.portalSessions[id]?.url)]
    case "faults":
      sandbox.faults.append(try fault(&form))
      return ["done": true]
    case "limit":
      sandbox.isRateLimited.toggle()
      return ["rate_limited": .bool(sandbox.isRateLimited)]
    case "resend":
      let event = try form.required("event")
      guard sandbox.webhooks.resend(event, now: sandbox.account.now) else {
        throw .missing("event", event, param: "event")
      }
      return ["done": true]
    case "deliveries": return deliveries(sandbox)
    default: return nil
    }
  }

  /// `kind` is `error` (with a `status`), `slow` (by `milliseconds`), `dropped` or `lost_reply`.
  private static func fault(_ form: inout Parameters) throws(StripeFault) -> InjectedFault {
    let kind: InjectedFault.Kind
    switch try form.text("kind") ?? "error" {
    case "error":
      let status = try form.int("status") ?? 500
      guard (400...599).contains(status) else { throw StripeFault("400 to 599.", param: "status") }
      kind = .error(status: Int(status))
    case "slow":
      let milliseconds = try form.int("milliseconds") ?? 1000
      guard (0...60_000).contains(milliseconds) else {
        throw StripeFault("0 to 60000 milliseconds.", param: "milliseconds")
      }
      kind = .slow(milliseconds)
    case "dropped": kind = .dropped
    case "lost_reply": kind = .lostReply
    default: throw StripeFault("error, slow, dropped or lost_reply", param: "kind")
    }
    let count = try form.int("count") ?? 3
    guard (1...1000).contains(count) else { throw StripeFault("1 to 1000 calls.", param: "count") }
    return InjectedFault(kind, count: Int(count), pathPrefix: "/v1/")
  }

  private static func complete(
    _ form: inout Parameters, _ account: inout StripeAccount
  ) throws(StripeFault) {
    let session = try form.required("session")
    switch try form.text("payment") ?? "card" {
    case "card": try account.completeCheckout(session)
    case "declined": try account.completeCheckout(session, .declined("insufficient_funds"))
    case "delayed": try account.completeCheckout(session, .delayed)
    case "free": try account.completeCheckout(session, .free)
    default: throw StripeFault("card, declined, delayed or free", param: "payment")
    }
  }

  private static func deliveries(_ sandbox: StripeSandbox) -> JSON {
    let all = sandbox.webhooks.deliveries.map { delivery -> JSON in
      let type = sandbox.account.events[delivery.event]?.type
      return [
        "event": .string(delivery.event), "type": .text(type),
        "attempts": .int(Int64(delivery.attempts.count)),
        "delivered": .bool(delivery.state == .delivered),
      ]
    }
    return ["data": .array(all), "idle": .bool(sandbox.webhooks.isIdle)]
  }
}
