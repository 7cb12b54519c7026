/// The books. Booking is exactly-once by the stream id; everything derived (grant use, debt, holds,
/// rollups) changes in the same transaction.
package protocol LedgerStore: Sendable {
  /// Books a batch of one bucket, any part of which may have been booked before. Entries of one batch are
  /// in stream order; two batches may come in any order. `epoch` tells apart streams that were rebuilt.
  func book(_ entries: [LedgerEntry], bucket: Int, epoch: Int64) async throws(StoreError)

  /// Highest stream id ever booked from a bucket; nil when none was.
  func bookedThrough(bucket: Int) async throws(StoreError) -> StreamID?

  /// Users and tenants with holds whose side the books have as unresolved although they expired before
  /// `before`, the longest due first; at most `limit`.
  func accountsWithExpiredHolds(before: Instant, limit: Int) async throws(StoreError) -> [AccountID]

  /// Raises and returns the epoch of the counters, in one step; called when Redis was found rewound.
  func raiseEpoch(from epoch: Int64) async throws(StoreError) -> Int64
  /// The current epoch, 1 at first.
  func epoch() async throws(StoreError) -> Int64
}
