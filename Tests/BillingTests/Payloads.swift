import Foundation
import Gate

/// Builds events as Stripe posts them, in the shapes of different API versions.
struct Payloads {
  /// Where the fields are: before 2025-03-31.basil, since, or in both places at once.
  enum Shape: CaseIterable, Sendable { case old, basil, both }

  var shape: Shape = .basil
  var subscription = "sub_1"
  var customer = "cus_1"
  var metadata: [String: String] = [:]

  static let start: Int64 = 1_790_000_000
  static let month: Int64 = 2_592_000
  /// The start of the n-th period.
  static func period(_ number: Int64) -> Int64 { start + number * month }

  func event(_ id: String, _ type: String, _ object: [String: Any]) -> [UInt8] {
    json([
      "id": id, "object": "event", "type": type, "created": Self.start, "livemode": false,
      "api_version": "2025-03-31.basil", "data": ["object": object], "request": NSNull(),
    ])
  }

  func json(_ object: [String: Any]) -> [UInt8] {
    guard let data = try? JSONSerialization.data(withJSONObject: object) else { return [] }
    return [UInt8](data)
  }

  struct Line {
    var price = "price_pro"
    var isProration = false
    var amount = 2000
    var quantity = 1
    var period: Int64 = 0
    var trial = false
  }

  func invoice(
    _ id: String, lines: [Line] = [Line()], status: String = "paid", extra: [String: Any] = [:]
  ) -> [String: Any] {
    var object: [String: Any] = [
      "id": id, "object": "invoice", "customer": customer, "status": status,
      "billing_reason": "subscription_cycle", "period_start": Self.period(-1), "period_end": Self.period(0),
      "lines": ["object": "list", "has_more": false, "data": lines.map(line)] as [String: Any],
    ]
    if shape != .basil {
      object["subscription"] = subscription
      object["paid"] = status == "paid"
      object["subscription_details"] = ["metadata": metadata]
    }
    if shape != .old {
      object["parent"] = [
        "type": "subscription_details",
        "subscription_details": ["subscription": subscription, "metadata": metadata] as [String: Any],
      ]
    }
    return object.merging(extra) { $1 }
  }

  private func line(_ line: Line) -> [String: Any] {
    var object: [String: Any] = [
      "id": "il_1", "object": "line_item", "amount": line.amount, "quantity": line.quantity,
      "period": ["start": Self.period(line.period), "end": Self.period(line.period + 1)],
    ]
    if line.trial { object["description"] = "Trial period for Pro" }
    if shape != .basil {
      object["price"] = ["id": line.price, "object": "price"]
      object["proration"] = line.isProration
      object["type"] = "subscription"
      object["subscription"] = subscription
    }
    if shape != .old {
      object["pricing"] = ["type": "price_details", "price_details": ["price": line.price]] as [String: Any]
      object["parent"] = [
        "type": "subscription_item_details",
        "subscription_item_details": ["proration": line.isProration, "subscription": subscription]
          as [String: Any],
      ]
    }
    return object
  }

  func subscription(
    status: String = "active", period: Int64 = 0, price: String = "price_pro", quantity: Int = 1,
    invoice: String? = nil, extra: [String: Any] = [:]
  ) -> [String: Any] {
    var item: [String: Any] = ["id": "si_1", "quantity": quantity, "price": ["id": price]]
    var object: [String: Any] = [
      "id": subscription, "object": "subscription", "customer": ["id": customer, "object": "customer"],
      "status": status, "cancel_at_period_end": false, "cancel_at": NSNull(), "metadata": metadata,
    ]
    if let invoice { object["latest_invoice"] = invoice }
    if shape != .basil {
      object["current_period_start"] = Self.period(period)
      object["current_period_end"] = Self.period(period + 1)
    }
    if shape != .old {
      item["current_period_start"] = Self.period(period)
      item["current_period_end"] = Self.period(period + 1)
    }
    object["items"] = ["object": "list", "data": [item], "has_more": false] as [String: Any]
    return object.merging(extra) { $1 }
  }

  func session(
    _ id: String = "cs_1", mode: String = "subscription", paid: String = "paid", extra: [String: Any] = [:]
  ) -> [String: Any] {
    var object: [String: Any] = [
      "id": id, "object": "checkout.session", "mode": mode, "payment_status": paid, "customer": customer,
      "metadata": metadata, "status": "complete",
    ]
    if mode == "subscription" { object["subscription"] = subscription }
    return object.merging(extra) { $1 }
  }
}

/// Plans and prices of the tests.
enum TestCatalog {
  static let proTokens: Int64 = 1_000_000
  static let teamTokens: Int64 = 5_000_000
  static let trialTokens: Int64 = 100_000
  static let graceSeconds: Int64 = 172_800

  static let catalog: Catalog = {
    func plan(_ name: String, rank: Int, tokens: Int64, perSeat: Bool = false) -> Plan {
      Plan(
        name: name, rank: rank, features: ["chat"], prices: ["price_\(name)"],
        budget: BudgetRule(
          tokens: tokens, period: .subscription, trialTokens: trialTokens, perSeat: perSeat,
          graceSeconds: graceSeconds))
    }
    let calendar = Plan(
      name: "calendar", rank: 1, features: ["chat"], prices: ["price_calendar"],
      budget: BudgetRule(tokens: 10, period: .month))
    return Catalog(
      defaultPlan: "free", defaultFeature: "chat",
      plans: [
        Plan(name: "free", rank: 0, features: ["chat"]), plan("basic", rank: 1, tokens: 500_000),
        plan("pro", rank: 2, tokens: proTokens), plan("team", rank: 3, tokens: teamTokens, perSeat: true),
        calendar,
      ],
      features: [Feature(name: "chat", defaultTokens: 1000)],
      topups: ["price_pack": TopUp(tokens: 100_000, expiresAfterDays: 365)])
  }()

  static var prices: [String: String] {
    var prices: [String: String] = [:]
    for plan in catalog.plans.values { for price in plan.prices { prices[price] = plan.name } }
    return prices
  }
}
