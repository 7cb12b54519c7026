import Gate
import Testing

struct HoldIDTests {
  @Test(
    arguments: [("u_42", nil), ("auth0|123", "acme"), ("a@b.example", nil), ("x", "t/1")]
      as [(String, String?)])
  func namesItsAccount(user: String, tenant: String?) throws {
    var random = FastRandom()
    let id = HoldID(operation: .make(using: &random), user: user, tenant: tenant)
    let read = try #require(HoldID(id.text))
    #expect(read == id)
    #expect(read.user == user)
    #expect(read.tenant == tenant)
  }

  @Test(arguments: [
    "", "rsv_", "rsv_abc", "rsv_0123456789abcdef", "rsv_0123456789abcdef_", "rsv_0123456789abcdef_A",
    "rsv_0123456789abcde!_dV80Mg", "tsv_0123456789abcdef_dV80Mg", "rsv_0123456789abcdef_dV80Mh",
    "rsv_0123456789abcdef_AAAA",
  ]) func refusesWhatIsNone(_ text: String) {
    #expect(HoldID(text) == nil)
  }

  @Test func base64RoundTrips() {
    for count in 0..<70 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
      #expect(Base64URL.decode(Array(Base64URL.encode(bytes).utf8)) == bytes)
    }
  }
}
