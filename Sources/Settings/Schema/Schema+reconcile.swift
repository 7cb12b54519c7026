internal import Gate

extension Schema {
  /// The comparison of Redis with the books that never ends.
  static let reconcileKeys: [SettingKey] = [
    SettingKey(
      "reconcile", .section, .absent("all defaults"), "The standing comparison of Redis with the books."),
    SettingKey(
      "reconcile.accounts_per_minute", .integer(0...60_000), .value(.integer(60)),
      "Accounts in use that one of the gates compares; 0: none."),
    SettingKey(
      "reconcile.mend", .boolean, .value(.boolean(false)),
      "Whether it also makes right what differs, instead of only telling."),
  ]
}
