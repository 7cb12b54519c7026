internal import Gate
internal import RedisStore

/// What Redis must be for the counters to be exact: 7 or newer, and one that never evicts.
enum RedisRequirements {
  /// Throws what is missing, for people. A Redis that hides CONFIG is taken at its INFO's word.
  static func check(_ client: RedisClient) async throws(StoreError) {
    let facts = try await RedisFacts.read(client)
    guard let missing = Judgement.requirements(facts).first(where: { $0.level == .bad }) else { return }
    throw .conflict("\(missing.found); to mend it: \(missing.remedy ?? "")")
  }
}
