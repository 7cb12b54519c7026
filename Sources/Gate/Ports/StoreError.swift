/// What a store may answer instead of a result. The text of `invalid` and `conflict` is for people and may
/// be shown to the caller; the cause of the others is for logs alone.
package enum StoreError: Error, Sendable, Equatable {
  /// Out of reach, or past its deadline: nothing is known of the outcome. 503.
  case unavailable(String)
  /// The named thing doesn't exist. 404.
  case notFound(String)
  /// It contradicts what is stored (a taken id, a foreign key). 409.
  case conflict(String)
  /// A value that the store can't take. 400.
  case invalid(field: String, message: String)
  /// A defect of ours or of the stored data: logged, 500.
  case internalError(String)
}
