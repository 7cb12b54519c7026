package import Gate
internal import NIOCore

extension UsageStream {
  /// Returns once everything that was in the stream before the call is booked. `flushed` returns when what this
  /// process had read of it is; false when that failed. Throws `unavailable` when it takes longer than
  /// `milliseconds`.
  package func waitUntilBooked(
    milliseconds: Int64, flushed: @Sendable (Int) async -> Bool
  ) async throws(StoreError) {
    let newest = try await newest()
    guard await flushed(bucket) else { throw .unavailable("the books are behind") }
    guard let newest else { return }
    let deadline = NIODeadline.now() + .milliseconds(milliseconds)
    while let oldest = try await backlog().oldest, oldest <= newest {
      guard NIODeadline.now() < deadline else { throw .unavailable("the books are behind") }
      try? await Task.sleep(for: .milliseconds(2))
    }
  }
}
