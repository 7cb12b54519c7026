import Gate
import NIOCore
import Testing

@testable import GateAPI

struct WritingTests {
  @Test(arguments: [
    0, 1, 9, 10, 99, 12_345_678, 123_456_789, 1_234_567_890_123_456, 12_345_678_901_234_567, Int64.max, -1,
    -10,
    Int64.min,
  ]) func numbersAreDecimal(_ value: Int64) {
    var out = ByteBuffer()
    out.json(value)
    #expect(String(buffer: out) == String(value))
  }

  @Test func stringsAreEscaped() {
    var out = ByteBuffer()
    out.json(string: "a\"b\\c\nd\u{1F}é")
    #expect(String(buffer: out) == #""a\"b\\c\u000ad\u001fé""#)
  }

  @Test func rateLimitHeadersAsTheContractHasThem() {
    var numbers = CheckNumbers()
    numbers.now = Instant(seconds: 1_000_000)
    numbers.budget = Budget(
      limit: 1_000_000, held: 1200, remaining: 998_800, resetsAt: Instant(seconds: 1_086_400))
    numbers.periodSeconds = 2_592_000
    numbers.requestsLeft = 59
    var out = ByteBuffer()
    RateLimitHeaders(
      requests: WindowLimit(count: 60, windowSeconds: 60), numbers: numbers, isRequestRateUsedUp: false
    ).write(into: &out)
    #expect(
      String(buffer: out) == "RateLimit-Policy: \"requests\";q=60;w=60, \"budget\";q=1000000;w=2592000;"
        + "tollgate-unit=\"tokens\"\r\nRateLimit: \"requests\";r=59;t=60, \"budget\";r=998800;t=86400\r\n")
  }
}

struct PrincipalCacheTests {
  private let catalog = IndexedCatalog(
    Catalog(defaultFeature: "chat", plans: [], features: [Feature(name: "chat", defaultTokens: 1)]))

  private func hash(_ value: UInt64) -> TokenHash {
    var random = SeededRandom(state: value)
    return TokenHash(w0: random.next(), w1: random.next(), w2: random.next(), w3: value)
  }

  @Test func isBoundedAndKeepsWhatIsUsed() {
    var cache = PrincipalCache(entriesMax: 512)
    let favourite = hash(0)
    for value in 0..<20_000 as Range<UInt64> {
      let entry = Caller(
        Principal(user: "u\(value)", version: 1), catalog: catalog, token: hash(value),
        now: Instant(milliseconds: 0))
      cache.insert(entry, for: hash(value))
      #expect(cache.find(favourite)?.user == "u0")
    }
    #expect(cache.find(hash(19_999))?.user == "u19999")
    #expect(cache.count <= 512)
  }

  @Test func forgetsWhatIsRemoved() {
    var cache = PrincipalCache(entriesMax: 64)
    let entry = Caller(
      Principal(user: "u", version: 1), catalog: catalog, token: hash(1),
      now: Instant(milliseconds: 0))
    cache.insert(entry, for: hash(1))
    cache.remove(hash(1))
    #expect(cache.find(hash(1)) == nil)
    #expect(cache.count == 0)
  }
}
