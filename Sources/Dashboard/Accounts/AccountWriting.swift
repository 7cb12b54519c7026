internal import AdminAPI
internal import Gate

/// What the forms that make and change a user or a tenant do when they are sent.
struct AccountWriting: Sendable {
  /// `users` or `tenants`, in the pages' paths as in the API's.
  let collection: String
  /// What the forms have fields for, beside the id.
  let members: [(name: String, kind: Form.Kind)]

  private var template: String { "/admin/v1/\(collection)/{id}" }

  func create(_ visit: Visit) async throws -> ControlResponse {
    guard let id = visit.form.text("id"), Identifier.isValid(id) else {
      throw Problem.invalid("id", "must be 1 to \(Limits.identifierBytesMax) visible ASCII characters")
    }
    return try await put(id, visit)
  }

  /// Of one that is there, for a PUT would make it.
  func edit(_ visit: Visit) async throws -> ControlResponse {
    let id = try visit.name("id")
    _ = try await visit.get(template, ["id": id])
    return try await put(id, visit)
  }

  private func put(_ id: String, _ visit: Visit) async throws -> ControlResponse {
    try await visit.write("PUT", template, ["id": id], visit.form.body(members))
    return visit.redirect(to: "/\(collection)/\(Query.encode(id))", done: .saved)
  }
}
