extension APIRoute {
  static let catalog: [APIRoute] = [
    APIRoute("POST", "/v1/products") { account, call throws(StripeFault) in
      let name = try call.parameters.required("name")
      let wanted = try call.parameters.text("id")
      let description = try call.parameters.text("description")
      let metadata = try call.parameters.metadata()
      call.parameters.accept("active", "images", "url", "unit_label", "tax_code")
      try call.parameters.finish()
      let id = wanted ?? account.newID("prod_")
      guard account.products[id] == nil else {
        throw StripeFault("Product already exists.", code: "resource_already_exists")
      }
      var product = StripeAccount.Product(id: id, name: name, created: account.now)
      product.description = description
      product.metadata = metadata
      account.products[id] = product
      account.emit("product.created", .product(product))
      return product.json
    },
    APIRoute("GET", "/v1/products") { account, call throws(StripeFault) in
      let active = try call.parameters.bool("active")
      return try call.page(
        account.products, kind: "product", url: "/v1/products", created: \.created, id: \.id,
        where: { active == nil || $0.isActive == active }, \.json)
    },
    APIRoute("GET", "/v1/products/:id") { account, call throws(StripeFault) in
      try call.parameters.finish()
      guard let product = account.products[call.id] else { throw .missing("product", call.id) }
      return product.json
    },
    APIRoute("POST", "/v1/prices") { account, call throws(StripeFault) in
      let price = try call.newPrice(&account)
      account.prices[price.id] = price
      account.emit("price.created", .price(price))
      return price.json
    },
    APIRoute("GET", "/v1/prices") { account, call throws(StripeFault) in
      let active = try call.parameters.bool("active")
      let product = try call.parameters.text("product")
      return try call.page(
        account.prices, kind: "price", url: "/v1/prices", created: \.created, id: \.id,
        where: {
          (active == nil || $0.isActive == active) && (product == nil || $0.product == product)
        }, \.json)
    },
    APIRoute("GET", "/v1/prices/:id") { account, call throws(StripeFault) in
      try call.parameters.finish()
      guard let price = account.prices[call.id] else { throw .missing("price", call.id, param: "price") }
      return price.json
    },
    APIRoute("POST", "/v1/prices/:id") { account, call throws(StripeFault) in
      guard let before = account.prices[call.id] else {
        throw .missing("price", call.id, param: "price")
      }
      var price = before
      price.isActive = try call.parameters.bool("active") ?? price.isActive
      price.nickname = try call.parameters.text("nickname") ?? price.nickname
      price.metadata = try call.parameters.metadata(over: price.metadata)
      try call.parameters.finish()
      account.prices[call.id] = price
      account.emit("price.updated", .price(price), before: .price(before))
      return price.json
    },
  ]
}

extension APICall {
  fileprivate mutating func newPrice(_ account: inout StripeAccount) throws(StripeFault)
    -> StripeAccount.Price
  {
    let currency = try parameters.required("currency")
    guard let amount = try parameters.int("unit_amount") else { throw .required("unit_amount") }
    guard amount >= 0 else {
      throw StripeFault(
        "Invalid non-negative integer", code: "parameter_invalid_integer", param: "unit_amount")
    }
    let recurring = try parameters.below("recurring") { (recurring: inout Parameters) throws(StripeFault) in
      guard let interval = try recurring.word("interval", Interval.self) else {
        throw .required("recurring[interval]")
      }
      recurring.accept("usage_type")
      return (interval: interval, count: try recurring.int("interval_count") ?? 1)
    }
    let product = try parameters.required("product")
    guard account.products[product] != nil else { throw .noSuch("product", product, param: "product") }
    let nickname = try parameters.text("nickname")
    let metadata = try parameters.metadata()
    parameters.accept("active", "lookup_key", "tax_behavior", "billing_scheme")
    try parameters.finish()
    var price = StripeAccount.Price(
      account.newID("price_1", length: 23), amount: amount, currency: currency, every: recurring?.interval,
      count: recurring?.count ?? 1, product: product)
    price.created = account.now
    price.nickname = nickname
    price.metadata = metadata
    return price
  }
}
