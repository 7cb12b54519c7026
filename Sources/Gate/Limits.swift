/// Every limit of the domain, in one place. A bound that an adapter adds for its own wire (header
/// bytes, pool sizes) stands with that adapter.
package enum Limits {
  /// Largest token amount anywhere: 10¹⁵−1. Lua numbers are doubles, exact to 2⁵³ ≈ 9·10¹⁵, so sums of
  /// a few amounts stay exact too.
  package static let tokensMax: Int64 = 999_999_999_999_999
  /// Bytes of a user, tenant, plan, feature or policy name.
  package static let identifierBytesMax = 128
  /// Bytes of a caller's `metadata` object, as it was sent.
  package static let metadataBytesMax = 2048
  /// Bytes of an `Idempotency-Key`.
  package static let idempotencyKeyBytesMax = 255
  /// Seconds that an idempotency key, and the outcome of a hold, are remembered: 24 h.
  package static let idempotencySeconds: Int64 = 86_400
  /// Live grants of one budget; one more is refused.
  package static let liveGrantsMax = 32
  /// Holds that one user may have open at once, whatever the plan says.
  package static let openHoldsMax = 256
  /// Limits of their own that one user may have.
  package static let limitOverridesMax = 64
  /// Of a count per window: the count or burst, and the window's seconds.
  package static let windowCount: ClosedRange<Int64> = 1...1_000_000_000_000
  package static let windowSeconds: ClosedRange<Int64> = 1...86_400
  /// Seconds a hold may be asked to live, and what it lives when nothing is asked.
  package static let holdSeconds: ClosedRange<Int64> = 1...86_400
  package static let holdSecondsDefault: Int64 = 120
  /// Hours after its expiry within which a settle still corrects a hold.
  package static let lateSettleSeconds: Int64 = 86_400
  /// Items of one page of a list, and what is given when nothing is asked.
  package static let pageItems: ClosedRange<Int> = 1...200
  package static let pageItemsDefault = 50
}
