import Gate
import Testing

struct InstantTests {
  @Test(arguments: [
    ("1970-01-01T00:00:00Z", 0), ("2026-11-21T10:25:36Z", 1_795_256_736_000),
    ("2024-02-29T23:59:59Z", 1_709_251_199_000), ("2026-01-01T01:00:00+01:00", 1_767_225_600_000),
    ("2026-01-01T00:00:00.5Z", 1_767_225_600_500), ("1969-12-31T23:59:59Z", -1000),
  ]) func readsRFC3339(_ text: String, milliseconds: Int64) {
    #expect(Instant(rfc3339: text) == Instant(milliseconds: milliseconds))
  }

  @Test(arguments: [
    "", "2026", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-01-01T24:00:00Z",
    "2026-01-01T00:00:60Z",
    "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+1:00", "2026-01-01 00:00:00Z",
    "2026-01-01T00:00:00Zx", "+026-01-01T00:00:00Z",
  ]) func refusesWhatIsNone(_ text: String) {
    #expect(Instant(rfc3339: text) == nil)
  }

  @Test func writesWhatItReads() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      let seconds = Int64.random(in: -62_167_219_200...253_402_300_799, using: &random)
      let instant = Instant(seconds: seconds)
      #expect(Instant(rfc3339: instant.rfc3339) == instant, "\(seconds)")
    }
  }
}
