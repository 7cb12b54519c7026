extension StripeAccount {
  /// Puts objects in the place of ids, by paths such as `latest_invoice.charge` and `data.customer`. Throws
  /// for what can't be expanded.
  func expand(
    _ json: JSON, _ paths: [String], _ rendering: Rendering, related: [String: StripeObject] = [:]
  ) throws(StripeFault) -> JSON {
    var json = json
    for path in paths {
      let segments = path.split(separator: ".").map(String.init)
      guard (1...4).contains(segments.count) else {
        throw StripeFault("You cannot expand more than 4 levels of a property.", param: "expand")
      }
      json = try expand(json, segments[...], of: path, rendering, related)
    }
    return json
  }

  private func expand(
    _ json: JSON, _ segments: ArraySlice<String>, of path: String, _ rendering: Rendering,
    _ related: [String: StripeObject]
  ) throws(StripeFault) -> JSON {
    guard let segment = segments.first else { return json }
    if case .array(let items) = json {
      var expanded: [JSON] = []
      for item in items { expanded.append(try expand(item, segments, of: path, rendering, related)) }
      return .array(expanded)
    }
    var json = json
    let here: JSON
    if json.has(segment) {
      here = json[segment]
    } else if let included = include(segment, in: json, rendering) {
      here = included
    } else {
      throw StripeFault("This property cannot be expanded (\(path)).", param: "expand")
    }
    var value = here
    if case .string(let id) = here {
      // A string that names no object is no expandable field.
      guard let object = related[id] ?? object(id) else {
        throw StripeFault("This property cannot be expanded (\(path)).", param: "expand")
      }
      value = object.json(rendering)
    }
    json[segment] =
      value == .null ? .null : try expand(value, segments.dropFirst(), of: path, rendering, related)
    return json
  }

  /// Fields that are there only when they are asked for.
  private func include(_ name: String, in json: JSON, _ rendering: Rendering) -> JSON? {
    guard let id = json["id"].string else { return nil }
    switch (json["object"].string, name) {
    case ("checkout.session", "line_items"):
      return sessions[id].map { .list($0.lineItems, url: "/v1/checkout/sessions/\(id)/line_items") }
    case ("customer", "subscriptions"):
      let mine = subscriptions.all.filter { $0.customer == id && !$0.isOver }
      return .list(mine.map { $0.json(rendering.shape) }, url: "/v1/customers/\(id)/subscriptions")
    case ("charge", "refunds"):
      let mine = refunds.all.filter { $0.charge == id }
      return .list(mine.map(\.json), url: "/v1/charges/\(id)/refunds")
    case ("invoice", "payments"):
      let mine = invoicePayments.all.filter { $0.invoice == id }
      return .list(mine.map(\.json), url: "/v1/invoices/\(id)/payments")
    default: return nil
    }
  }
}
