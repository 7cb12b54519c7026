package import Gate

extension Caller {
  /// Works out what `principal` may do under the catalog, as of `now`.
  package convenience init(_ principal: Principal, catalog: IndexedCatalog, token: TokenHash?, now: Instant) {
    self.init(principal, catalog.rights(of: principal, now: now), token: token)
  }
}

/// The catalog with its features numbered, so that a principal keeps an array and not a dictionary; of one loop.
package final class IndexedCatalog {
  let catalog: Catalog
  let features: [Feature]
  let defaultFeature: Int
  /// Rights that were worked out lately, for others to share.
  private var known: [Rights] = []
  private var oldest = 0
  private static let knownMax = 16

  /// Numbers the features by their names' order.
  package init(_ catalog: Catalog) {
    self.catalog = catalog
    features = catalog.features.values.sorted { $0.name < $1.name }
    defaultFeature = features.firstIndex { $0.name == catalog.defaultFeature } ?? 0
  }

  /// The rights of a principal, in one object with those of others that are the same.
  func rights(of principal: Principal, now: Instant) -> Rights {
    let entitlement = Entitlement(of: principal, catalog: catalog, now: now)
    if let same = known.first(where: { $0.entitlement == entitlement }) { return same }
    let rights = Rights(entitlement, features: features.count)
    if known.count < IndexedCatalog.knownMax {
      known.append(rights)
    } else {
      known[oldest] = rights
      oldest = (oldest + 1) % IndexedCatalog.knownMax
    }
    return rights
  }

  func index(of feature: String) -> Int? { features.firstIndex { $0.name == feature } }
}

/// A bounded cache with a fixed cost: eight slots a set, chosen by bits of the hash (which is uniform already),
/// and a hand per set that throws out what was not hit since it last came by (second chance).
package struct PrincipalCache {
  private static let ways = 8
  // Empty until something is put in: a gate without service keys needs no cache of users.
  private var keys: [TokenHash] = []
  private var values: [Caller?] = []
  private var wasHit: [Bool] = []
  private var hands: [UInt8] = []
  private let mask: Int
  private(set) var count = 0

  /// Room for `entriesMax`, rounded up to a power of two; at least 64.
  package init(entriesMax: Int) {
    var sets = 8
    while sets * PrincipalCache.ways < entriesMax { sets *= 2 }
    mask = sets - 1
  }

  private mutating func allocate() {
    let slots = (mask + 1) * PrincipalCache.ways
    keys = Array(repeating: TokenHash(w0: 0, w1: 0, w2: 0, w3: 0), count: slots)
    values = Array(repeating: nil, count: slots)
    wasHit = Array(repeating: false, count: slots)
    hands = Array(repeating: 0, count: mask + 1)
  }

  /// The entry of a hash, if it is kept; it then outlives those that nobody asks for.
  package mutating func find(_ hash: TokenHash) -> Caller? {
    guard count > 0 else { return nil }
    let start = set(of: hash) * PrincipalCache.ways
    for slot in start..<start + PrincipalCache.ways where keys[slot] == hash {
      guard let value = values[slot] else { return nil }
      wasHit[slot] = true
      return value
    }
    return nil
  }

  /// Keeps `value`, in the place of its hash's older one, or of one that wasn't asked for lately.
  package mutating func insert(_ value: Caller, for hash: TokenHash) {
    if keys.isEmpty { allocate() }
    let set = set(of: hash)
    let start = set * PrincipalCache.ways
    var chosen: Int?
    for slot in start..<start + PrincipalCache.ways {
      if keys[slot] == hash, values[slot] != nil {
        values[slot] = value
        return
      }
      if values[slot] == nil, chosen == nil { chosen = slot }
    }
    if chosen == nil {
      while true {
        let slot = start + Int(hands[set])
        hands[set] = (hands[set] + 1) % UInt8(PrincipalCache.ways)
        if wasHit[slot] {
          wasHit[slot] = false
        } else {
          chosen = slot
          break
        }
      }
    }
    guard let slot = chosen else { return }
    if values[slot] == nil { count += 1 }
    keys[slot] = hash
    values[slot] = value
    wasHit[slot] = false
  }

  mutating func remove(_ hash: TokenHash) {
    guard count > 0 else { return }
    let start = set(of: hash) * PrincipalCache.ways
    for slot in start..<start + PrincipalCache.ways where keys[slot] == hash && values[slot] != nil {
      values[slot] = nil
      count -= 1
    }
  }

  private func set(of hash: TokenHash) -> Int { Int(truncatingIfNeeded: hash.w0) & mask }
}
