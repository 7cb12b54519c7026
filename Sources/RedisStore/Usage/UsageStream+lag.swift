package import Gate

extension UsageStream {
  /// Entries that a flusher has read and not acknowledged: being booked, or left by one that died.
  package func pending() async throws(StoreError) -> Int64 {
    let reply = try await client.reply(to: [
      "XPENDING", .text(keyspace.stream(bucket: bucket)), .text(Keyspace.group),
    ])
    if case .error(let error) = reply {
      guard error.code == "NOGROUP" else { throw .unavailable(error.message) }
      return 0
    }
    return reply.array?.first?.integer ?? 0
  }
}
