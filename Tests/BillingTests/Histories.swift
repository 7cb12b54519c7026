import Gate

/// Small histories of a subscription, whose events may come in any order and must end in one state.
enum Histories {
  struct History: Sendable, CustomStringConvertible {
    var description: String
    var events: [[UInt8]]
  }

  private static func number(_ events: [(String, [String: Any])], _ payloads: Payloads) -> [[UInt8]] {
    events.enumerated().map { payloads.event("evt_\($0.offset)", $0.element.0, $0.element.1) }
  }

  static func all(_ shape: Payloads.Shape) -> [History] {
    let mine = Payloads(shape: shape)
    let unknown = Payloads(shape: shape, customer: "cus_new")
    let updated = "customer.subscription.updated"
    let created = "customer.subscription.created"
    let failed = mine.invoice("in_2", lines: [.init(period: 1)], status: "open")
    let trialEnd: [String: Any] = ["trial_end": Payloads.period(1)]
    let proration: [Payloads.Line] = [
      .init(price: "price_basic", isProration: true, amount: -500),
      .init(price: "price_pro", isProration: true, amount: 900),
    ]
    return [
      History(
        description: "a renewal that fails at first",
        events: number(
          [
            (created, mine.subscription(status: "incomplete", invoice: "in_1")),
            ("invoice.paid", mine.invoice("in_1")),
            (updated, mine.subscription(invoice: "in_1")),
            (updated, mine.subscription(status: "past_due", period: 1, invoice: "in_2")),
            ("invoice.payment_failed", failed),
            ("invoice.payment_succeeded", mine.invoice("in_2", lines: [.init(period: 1)])),
            (updated, mine.subscription(period: 1, invoice: "in_2")),
          ], mine)),
      History(
        description: "bought and canceled",
        events: number(
          [
            (created, mine.subscription(invoice: "in_1")),
            ("checkout.session.completed", mine.session(extra: ["client_reference_id": "u1"])),
            ("invoice.paid", mine.invoice("in_1")),
            ("invoice.payment_succeeded", mine.invoice("in_1")),
            (updated, mine.subscription(invoice: "in_1", extra: ["cancel_at_period_end": true])),
            ("customer.subscription.deleted", mine.subscription(status: "canceled", invoice: "in_1")),
          ], mine)),
      History(
        description: "a trial and its first payment",
        events: number(
          [
            (created, mine.subscription(status: "trialing", invoice: "in_0", extra: trialEnd)),
            ("invoice.paid", mine.invoice("in_0", lines: [.init(amount: 0)])),
            (
              "customer.subscription.trial_will_end",
              mine.subscription(status: "trialing", invoice: "in_0", extra: trialEnd)
            ),
            (updated, mine.subscription(period: 1, invoice: "in_1", extra: trialEnd)),
            ("invoice.paid", mine.invoice("in_1", lines: [.init(period: 1)])),
          ], mine)),
      History(
        description: "a trial under way",
        events: number(
          [
            (created, mine.subscription(status: "trialing", invoice: "in_0", extra: trialEnd)),
            ("invoice.paid", mine.invoice("in_0", lines: [.init(amount: 0)])),
            ("checkout.session.completed", mine.session(paid: "no_payment_required")),
          ], mine)),
      History(
        description: "an upgrade within the period",
        events: number(
          [
            (created, mine.subscription(price: "price_basic", invoice: "in_1")),
            ("invoice.paid", mine.invoice("in_1", lines: [.init(price: "price_basic")])),
            (updated, mine.subscription(invoice: "in_2")),
            ("invoice.paid", mine.invoice("in_2", lines: proration)),
          ], mine)),
      History(
        description: "a downgrade that waits for the renewal",
        events: number(
          [
            (created, mine.subscription(invoice: "in_1")),
            ("invoice.paid", mine.invoice("in_1")),
            (updated, mine.subscription(price: "price_basic", invoice: "in_1")),
            (updated, mine.subscription(period: 1, price: "price_basic", invoice: "in_2")),
            ("invoice.paid", mine.invoice("in_2", lines: [.init(price: "price_basic", period: 1)])),
          ], mine)),
      History(
        description: "nobody knows the customer but the session",
        events: number(
          [
            (created, unknown.subscription(invoice: "in_1")),
            ("invoice.paid", unknown.invoice("in_1")),
            (updated, unknown.subscription(invoice: "in_1")),
            ("checkout.session.completed", unknown.session(extra: ["client_reference_id": "u2"])),
          ], unknown)),
    ]
  }
}

/// Every order of `items` (Heap's algorithm).
func permutations<Item>(_ items: [Item]) -> [[Item]] {
  var items = items
  var result: [[Item]] = []
  func permute(_ count: Int) {
    if count <= 1 {
      result.append(items)
      return
    }
    for index in 0..<count {
      permute(count - 1)
      items.swapAt(count.isMultiple(of: 2) ? index : 0, count - 1)
    }
  }
  permute(items.count)
  return result
}
