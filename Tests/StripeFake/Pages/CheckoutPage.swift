/// The hosted checkout: what is bought, and how it may end.
enum CheckoutPage {
  static func html(_ session: StripeAccount.CheckoutSession, _ account: StripeAccount, _ tokens: FormTokens)
    -> PageResponse
  {
    guard session.status == .open else {
      return Page.html(
        "Checkout", "<p>This session is \(Page.escape(session.status.rawValue)).</p>", status: 410)
    }
    let path = "/c/pay/\(session.id)"
    let rows = session.items.map { item in
      [
        Page.escape(account.products[item.price.product]?.name ?? item.price.product),
        "\(item.quantity)", Page.escape(item.price.words),
        Page.escape(StripeAccount.money(item.price.amount * item.quantity, item.price.currency)),
      ]
    }
    let total = StripeAccount.money(session.total, session.currency)
    let trial = session.trialDays.map { "<p>\($0) days of trial; nothing is charged before.</p>" } ?? ""
    func button(_ label: String, _ action: String) -> String {
      Button(label, path, [(name: "action", value: action)], tokens).html
    }
    let isRecurring = session.mode == .subscription
    return Page.html(
      isRecurring ? "Subscribe" : "Buy",
      """
      \(Page.table(["What", "Quantity", "Price", "Sum"], rows))
      \(trial)
      <p><strong>Due now: \(Page.escape(total))</strong>
      \(session.email.map { "for \(Page.escape($0))" } ?? "")</p>
      <p>\(button("Pay", "pay")) \(button("Card is declined", "decline"))
      \(button("Pay by bank debit", "debit")) \(button("Use a 100% code", "free"))
      \(button("Cancel", "cancel"))</p>
      """)
  }

  static func submit(_ id: String, action: String, _ account: inout StripeAccount, _ tokens: FormTokens)
    -> PageResponse
  {
    guard let session = account.sessions[id] else { return Page.notFound("session") }
    let payment: StripeAccount.CheckoutPayment
    switch action {
    case "pay": payment = .card
    case "debit": payment = .delayed
    case "free": payment = .free
    case "decline": payment = .declined("insufficient_funds")
    case "cancel":
      guard let back = session.cancelURL else { return html(session, account, tokens) }
      return .redirect(back)
    default: return Page.html("Checkout", "<p>There is no such button.</p>", status: 400)
    }
    do {
      try account.completeCheckout(id, payment)
    } catch {
      return Page.html("Checkout", "<p>\(Page.escape(error.message))</p>", status: 400)
    }
    if case .declined = payment {
      return Page.html(
        "Checkout",
        """
        <p>Your card was declined.</p>
        <p><a href="/c/pay/\(Page.escape(id))">Try again</a></p>
        """, status: 402)
    }
    let target = session.successURL ?? "/"
    return .redirect(target.replacing("{CHECKOUT_SESSION_ID}", with: id))
  }
}
