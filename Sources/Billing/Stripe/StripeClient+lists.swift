extension StripeClient {
  /// One page of a list.
  struct Page {
    var items: [JSONValue]
    var hasMore: Bool
  }

  /// At most 100 items, as Stripe has it; those after `cursor`, the id of an item.
  func page(_ path: String, _ query: StripeForm, after cursor: String?) async throws(StripeError) -> Page {
    var query = query
    query.set("limit", "100")
    query.set("starting_after", cursor)
    let list = try await get(path, query)
    guard list["object"].string == "list" || !list["data"].isNull else { throw .unreadable }
    return Page(items: list.listItems, hasMore: list["has_more"].bool ?? false)
  }

  /// All items of a short list, at most 1,000.
  func all(_ path: String, _ query: StripeForm = StripeForm()) async throws(StripeError) -> [JSONValue] {
    var items: [JSONValue] = []
    while items.count < 1000 {
      let page = try await page(path, query, after: items.last?["id"].id)
      items += page.items
      guard page.hasMore, !page.items.isEmpty else { break }
    }
    return items
  }

  /// Asks once for something that needs a good key and little else: for a look at whether Stripe takes it.
  package func probe() async throws(StripeError) {
    var query = StripeForm()
    query.set("limit", "1")
    _ = try await inLane(.event).get("/v1/subscriptions", query)
  }

  /// The subscription as it is now; nil when Stripe has none by this id.
  func subscription(_ id: String) async throws(StripeError) -> StripeSubscription? {
    do {
      return StripeSubscription(try await get("/v1/subscriptions/\(StripeForm.escape(id))"))
    } catch {
      if error.isNotFound { return nil }
      throw error
    }
  }
}
