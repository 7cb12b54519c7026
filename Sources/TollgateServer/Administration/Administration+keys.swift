internal import AdminAPI
package import Gate
internal import PostgresStore
internal import Signatures

extension Administration {
  /// Makes a key and shows it. `role` is for admin keys, which need one.
  package func createKey(
    _ kind: APIKey.Kind, role: APIKey.Role?, label: String
  ) async throws(StoreError) -> Answer {
    let secret = Secrets.make(kind == .service ? .service : .admin)
    let key = try await backend.store.createKey(
      kind: kind, role: role, label: label, hash: secret.hash, actor: Administration.actor)
    let name = [kind.rawValue, role?.rawValue].compactMap { $0 }.joined(separator: " ")
    return .secret(secret.text, .key(key, secret: secret.text), "This is \(name) key \(key.id).")
  }

  /// A page of the keys, newest first.
  package func keys(_ page: PageRequest) async throws(StoreError) -> Answer {
    let found = try await backend.store.keys(page)
    let table = TextTable(
      ["KEY", "KIND", "ROLE", .text("LABEL"), "MADE", "LAST USED"],
      found.items.map { key in
        [
          .init(key.id), .init(key.kind.rawValue), .init(key.role?.rawValue),
          .init(key.label.isEmpty ? nil : key.label), .init(key.createdAt.rfc3339),
          .init(key.lastUsedAt?.rfc3339),
        ]
      })
    return .list(.page(found) { .key($0) }, table, of: "keys", found.items.count, found.nextCursor)
  }

  /// Revokes a key.
  package func revokeKey(_ id: String) async throws(StoreError) -> Answer {
    guard try await backend.store.revokeKey(id: id, actor: Administration.actor) else {
      throw .notFound("key `\(id)`")
    }
    return Answer(["id": .string(id), "revoked": true], [.line("Key \(id) is revoked.")])
  }
}
