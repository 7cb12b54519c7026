internal import Gate
internal import GateAPI
internal import Signatures

/// From a token to its principal: SHA-256, and the loop's own cache, which has it. A token from all over the cache
/// each time, in an order that no prefetcher guesses.
enum TokenLookup {
  static func run(_ iterations: Int, entries: Int) -> Counts {
    var hasher = TokenHasher()
    func hash(_ token: Span<UInt8>) -> TokenHash {
      let words = hasher.hash(token)
      return TokenHash(w0: words.w0, w1: words.w1, w2: words.w2, w3: words.w3)
    }
    let catalog = IndexedCatalog(Subject.catalog)
    var cache = PrincipalCache(entriesMax: entries)
    let length = Token.characterCount
    var tokens: [UInt8] = []
    tokens.reserveCapacity(entries * length)
    for number in 0..<entries {
      let digits = Array(String(number).utf8)
      let zeros = [UInt8](repeating: UInt8(ascii: "0"), count: length - 4 - digits.count)
      let token = Array("tle_".utf8) + zeros + digits
      let entry = Caller(
        Subject.principal, catalog: catalog, token: nil, now: Subject.now)
      cache.insert(entry, for: hash(token.span))
      tokens += token
    }
    // A set of the cache has eight places: where more tokens meet, some were thrown out again.
    let places = (0..<entries).map { $0 * length }.filter { place in
      cache.find(hash(tokens.span.extracting(place..<place + length))) != nil
    }
    precondition(places.count > entries / 2)
    var next = 0
    return Counts.counting(iterations) {
      next = (next + 32_771) % places.count
      let place = places[next]
      let found = cache.find(hash(tokens.span.extracting(place..<place + length)))
      precondition(found != nil)
    }
  }
}
