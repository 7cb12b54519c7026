package import Gate
package import Logging

/// Makes Stripe customers for accounts: one each, however often and by how many it is tried.
package struct CustomerMaker: Sendable {
  let orders: any CustomerQueue
  let stripe: StripeClient
  let logger: Logger

  /// Orders come from the account's rows.
  package init(orders: any CustomerQueue, stripe: StripeClient, logger: Logger) {
    self.orders = orders
    self.stripe = stripe
    self.logger = logger
  }

  /// The customer of an account that has none, for somebody who waits.
  func customer(for account: AccountID) async throws(BillingFault) -> String {
    let order: CustomerOrder
    do { order = try await orders.customerOrder(for: account) } catch { throw .store(error) }
    let made: String
    do { made = try await make(order, stripe) } catch { throw .stripe(error) }
    do {
      return try await orders.finishCustomerOrder(account, customer: made)
    } catch {
      throw .store(error)
    }
  }

  /// Makes those whose turn it is, some at once; how many there were.
  package func makeDue(limit: Int = 16) async throws(StoreError) -> Int {
    let due = try await orders.claimCustomerOrders(limit: limit, leaseSeconds: 120)
    let stripe = stripe.inLane(.background)
    await withTaskGroup(of: Void.self) { group in
      for order in due {
        group.addTask { await self.attempt(order, stripe) }
      }
    }
    return due.count
  }

  private func attempt(_ order: CustomerOrder, _ stripe: StripeClient) async {
    var failure: String
    do {
      let customer = try await make(order, stripe)
      do {
        _ = try await orders.finishCustomerOrder(order.account, customer: customer)
        return
      } catch {
        failure = "\(error)"
      }
    } catch {
      failure = "\(error)"
    }
    logger.warning(
      "customer not made yet", metadata: ["account": "\(order.account)", "error": "\(failure)"])
    do {
      try await orders.postponeCustomerOrder(order.account, seconds: 5, error: failure)
    } catch {
      // The lease ends by itself.
      logger.debug("order not postponed", metadata: ["error": "\(error)"])
    }
  }

  private func make(_ order: CustomerOrder, _ stripe: StripeClient) async throws(StripeError) -> String {
    // Stripe remembers a key for a day only: an attempt of which nobody knows the outcome may lie further back.
    if order.isRepeated, let held = await find(order, stripe) { return held }
    var form = StripeForm()
    form.set("email", order.email)
    form.set("metadata", order.account.stripeMetadata)
    let number = order.number > 1 ? "-\(order.number)" : ""
    let made = try await stripe.post(
      "/v1/customers", form, idempotencyKey: "tollgate-customer-\(order.account)\(number)")
    guard let customer = made.id else { throw .unreadable }
    return customer
  }

  /// A customer that an earlier attempt made. Not every account at Stripe can be searched: then the key is all
  /// there is.
  private func find(_ order: CustomerOrder, _ stripe: StripeClient) async -> String? {
    guard let (key, id) = order.account.stripeMetadata.first else { return nil }
    let quoted = String(id.flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] })
    var query = StripeForm()
    query.set("query", "metadata[\"\(key)\"]:\"\(quoted)\"")
    do {
      let found = try await stripe.get("/v1/customers/search", query).listItems
      return found.first { $0["metadata"][key].string == id && $0["deleted"].bool != true }?.id
    } catch {
      return nil
    }
  }
}

extension AccountID {
  /// How Stripe's objects say whose they are.
  var stripeMetadata: [String: String] {
    switch kind {
    case .user: ["user_id": id]
    case .tenant: ["tenant_id": id]
    }
  }
}
