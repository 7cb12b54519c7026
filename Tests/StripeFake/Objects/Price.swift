extension StripeAccount {
  /// A price of a product.
  package struct Price: Sendable, Equatable, Codable {
    /// `price_…`.
    package var id: String
    package var product: String
    /// In the currency's smallest unit, for one of the quantity.
    package var amount: Int64
    package var currency: String
    /// nil for what is bought once.
    package var interval: Interval?
    /// 1 to 36.
    package var intervalCount: Int64
    package var isActive = true
    package var created: Int64 = 0
    package var nickname: String?
    package var metadata: [String: String] = [:]

    /// A price to seed an account with; the product is named after it unless given.
    package init(
      _ id: String, amount: Int64, currency: String = "usd", every interval: Interval? = nil,
      count: Int64 = 1, product: String? = nil
    ) {
      self.id = id
      self.product = product ?? "prod_\(id.hasPrefix("price_") ? String(id.dropFirst(6)) : id)"
      self.amount = amount
      self.currency = currency
      self.interval = interval
      intervalCount = count
    }

    /// `at $20.00 / month`, as in the text of an invoice's line.
    package var words: String {
      let amount = StripeAccount.money(amount, currency)
      guard let interval else { return "at \(amount)" }
      return intervalCount == 1
        ? "at \(amount) / \(interval.rawValue)"
        : "at \(amount) / every \(intervalCount) \(interval.rawValue)s"
    }
  }

  /// What is sold, at one price or several.
  package struct Product: Sendable, Equatable, Codable {
    /// `prod_…`.
    package var id: String
    package var name: String
    package var created: Int64
    package var isActive = true
    package var description: String?
    package var metadata: [String: String] = [:]
  }

  /// `$20.00`.
  package static func money(_ amount: Int64, _ currency: String) -> String {
    let sign = amount < 0 ? "-" : ""
    let cents = amount.magnitude % 100
    let number = "\(sign)\(amount.magnitude / 100).\(cents < 10 ? "0" : "")\(cents)"
    return currency == "usd" ? "$\(number)" : "\(number) \(currency.uppercased())"
  }
}
