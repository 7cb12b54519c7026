internal import AdminAPI
internal import Gate

/// The options of a filter.
enum Choices {
  static func view(_ choices: [String], current: String?) -> View {
    .list(
      choices.map { choice in
        .object(["value": .text(choice), "selected": .flag(choice == current)])
      })
  }
}

/// Links from one page of a list to the next.
enum Paging {
  /// The next page's address with the same filters; nothing on the last page.
  static func next(_ visit: Visit, _ page: JSON, _ filters: String...) -> View {
    guard let cursor = page["next_cursor"]?.text else { return .null }
    var pairs = filters.compactMap { name in visit.query(name).map { (name, $0) } }
    pairs.append(("cursor", cursor))
    return .text("?" + pairs.map { "\($0.0)=\(Query.encode($0.1))" }.joined(separator: "&"))
  }
}

/// Amounts of money.
enum Money {
  /// Currencies without a smaller unit.
  /// Source: https://docs.stripe.com/currencies#zero-decimal
  private static let whole: Set<String> = [
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof",
    "xpf",
  ]
  /// Currencies with a thousandth.
  private static let thousandths: Set<String> = ["bhd", "jod", "kwd", "omr", "tnd"]

  /// `20.00 USD`; an amount is in the currency's smallest unit.
  static func text(_ amount: Int64, _ currency: String?) -> String {
    let currency = currency ?? ""
    let decimals = whole.contains(currency) ? 0 : thousandths.contains(currency) ? 3 : 2
    let name = currency.isEmpty ? "" : " \(currency.uppercased())"
    guard decimals > 0 else { return Wording.count(amount) + name }
    let unit: Int64 = decimals == 3 ? 1_000 : 100
    let rest = String(unit + Int64(amount.magnitude) % unit).dropFirst()
    let sign = amount < 0 && amount > -unit ? "−" : ""
    return "\(sign)\(Wording.count(amount / unit)).\(rest)\(name)"
  }
}

extension Catalog {
  /// Names of the plans, lowest rank first.
  var plansByRank: [String] {
    plans.values.sorted { ($0.rank, $0.name) < ($1.rank, $1.name) }.map(\.name)
  }
}
