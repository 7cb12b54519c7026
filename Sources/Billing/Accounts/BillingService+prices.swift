internal import Gate

/// A price that stands for a plan, and what Stripe says of it.
package struct MappedPrice: Sendable, Equatable {
  /// What a look at Stripe came to.
  package enum State: Sendable, Equatable {
    /// There is no key to ask with, or there are more prices than are asked for.
    case notAsked
    /// It is there; an amount is in the currency's smallest unit, an interval Stripe's word.
    case found(isActive: Bool, amount: Int64?, currency: String?, interval: String?)
    /// Stripe has none by this id.
    case missing
    /// Stripe didn't say; half a sentence for people.
    case failed(String)
  }
  /// `price_…`.
  package var price: String
  /// What a payment for it gives.
  package var plan: String
  /// At Stripe, just now.
  package var state: State

  /// Memberwise.
  package init(price: String, plan: String, state: State) {
    self.price = price
    self.plan = plan
    self.state = state
  }
}

extension BillingService {
  /// Prices that one look at the map asks Stripe about; what comes after them is listed unasked.
  private static let pricesAskedMax = 50

  /// `plan_price_map`, by plan and price, and each price as Stripe has it at this moment.
  package func prices() async throws(BillingFault) -> [MappedPrice] {
    let plans: [String: String]
    do { plans = try await store.pricePlans() } catch { throw .store(error) }
    let rows = plans.map { MappedPrice(price: $0.key, plan: $0.value, state: .notAsked) }
      .sorted { ($0.plan, $0.price) < ($1.plan, $1.price) }
    guard let stripe else { return rows }
    return await withTaskGroup(of: (Int, MappedPrice.State).self) { group in
      for (index, row) in rows.enumerated().prefix(BillingService.pricesAskedMax) {
        group.addTask { (index, await BillingService.state(of: row.price, stripe)) }
      }
      var rows = rows
      for await (index, state) in group { rows[index].state = state }
      return rows
    }
  }

  private static func state(of price: String, _ stripe: StripeClient) async -> MappedPrice.State {
    do throws(StripeError) {
      let object = try await stripe.get("/v1/prices/\(StripeForm.escape(price))")
      return .found(
        isActive: object["active"].bool ?? false, amount: object["unit_amount"].int,
        currency: object["currency"].string, interval: object["recurring"]["interval"].string)
    } catch {
      return error.isNotFound ? .missing : .failed(error.sentence)
    }
  }
}
